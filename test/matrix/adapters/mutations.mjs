// Ways to break the build under test, each of which every host it concerns must find out. Applied by test/matrix/adk.

/** `hosts`: undefined for all. `find` stands in the built file exactly once. */
export const mutations = [
  {
    name: 'intent-not-awaited',
    why: 'a tool runs before its intent is durable, and also when it cannot be written',
    file: 'recorder/recorder.js',
    find: `await this.#writeIntent(call, draft, tier);
            return call;`,
    replace: `void this.#writeIntent(call, draft, tier).catch(() => {});
            return call;`,
  },
  {
    name: 'adapter-does-not-wait',
    why: 'the adapter lets the tool run beside the writing of its intent',
    file: 'adapters/ai-sdk/admission.js',
    find: 'ticket = await recorder.intent(request, decision);',
    replace: `void recorder.intent(request, decision).catch(() => {});
        ticket = { decision, tool: request.tool.name };`,
  },
  {
    name: 'denials-run',
    why: 'what the rules deny runs all the same',
    file: 'adapters/ai-sdk/admission.js',
    find: `if (decision.verdict === 'deny')
        throw denied(decision);`,
    replace: '',
  },
  {
    name: 'no-outcome',
    why: 'nothing is recorded after a tool that returned',
    file: 'adapters/ai-sdk/execution.js',
    find: 'await execution.returned(output);',
    replace: '',
  },
  {
    name: 'runnables-run-first',
    why: 'a runnable as a tool is recorded after it has run',
    hosts: ['langchain'],
    file: 'adapters/langchain/record-calls.js',
    find: 'if (isObject(tool) && !isStructuredTool(tool))',
    replace: 'if (false)',
  },
  {
    name: 'hand-offs-unseen',
    why: 'an agent that is handed over to is not asked through us, nor is the hand-off',
    hosts: ['openai-agents'],
    file: 'adapters/openai-agents/record-agent.js',
    find: 'isHandoff(handoff) ? recordedHandoff(handoff, recording) : handoff',
    replace: 'handoff',
  },
]
