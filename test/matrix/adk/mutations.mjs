// Ways to break the build under test, each of which the matrix must find out.
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** `find` stands in the built file exactly once; the matrix refuses to run when it does not. */
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
    name: 'fail-open',
    why: 'a call that cannot be recorded is let through',
    file: 'adapters/adk/gate.js',
    find: `this.#options.report(error);
            return UNRECORDED;`,
    replace: `this.#options.report(error);
            return { ticket: undefined };`,
  },
  {
    name: 'denials-run',
    why: 'what the rules deny runs all the same',
    file: 'adapters/adk/plugin.js',
    find: `return slot.denial;
    }
    async afterToolCallback`,
    replace: `return undefined;
    }
    async afterToolCallback`,
    also: {
      file: 'adapters/adk/execution.js',
      find: `if (slot.denial)
        return slot.denial;`,
      replace: `if (slot.denial)
        return original();`,
    },
  },
  {
    name: 'no-outcome',
    why: 'nothing is recorded after a tool that returned',
    file: 'adapters/adk/execution.js',
    find: `if (!slot.watched || waits || outcome.visible)
            await recorder.outcome(ticket, what);`,
    replace: `if (!slot.watched || waits || outcome.visible)
            void what;`,
  },
  {
    name: 'errors-succeed',
    why: 'a tool that throws is recorded as one that succeeded',
    file: 'adapters/adk/result.js',
    find: "return { status: 'failed', executed: 'yes', error: { value } };",
    replace: "return { status: 'succeeded', executed: 'yes', output: { value } };",
  },
  {
    name: 'reported-errors-succeed',
    why: 'isError and error in a result are not looked at',
    file: 'adapters/adk/result.js',
    find: "return own('isError') === true || Boolean(own('error'));",
    replace: 'return false;',
  },
  {
    name: 'bodies-not-watched',
    why: 'a tool whose body was never entered counts as executed',
    file: 'adapters/adk/result.js',
    find: 'const body = isFunctionTool(tool) ? slot.bodyEntered : undefined;',
    replace: 'const body = undefined;',
  },
  {
    name: 'executed-args-dropped',
    why: 'what the tool was really given is not compared',
    file: 'recorder/outcome-draft.js',
    find: "...(args && inForce && !args.equals(inForce) && { args: kept.add('args', args.json) }),",
    replace: '',
  },
  {
    name: 'args-read-late',
    why: 'arguments are taken when the tool is done, with its own changes in them',
    file: 'adapters/adk/execution.js',
    find: `const { waits, ...outcome } = returned(result, { tool, slot, run });
        const what = { ...outcome, args, ...when() };`,
    replace: `const { waits, ...outcome } = returned(result, { tool, slot, run });
        const what = { ...outcome, args: recorder.snapshot(ticket, 'args', run.args), ...when() };`,
  },
  {
    name: 'visible-dropped',
    why: 'what the model is shown is not compared with what the tool gave',
    file: 'adapters/adk/shown.js',
    find: '...(visible && !visible.equals(held.untouched) && { visible }),',
    replace: '',
  },
  {
    name: 'agents-not-watched',
    why: "the agent's own callbacks change what the model is shown unseen",
    file: 'adapters/adk/shown.js',
    find: "if (define(agent, 'canonicalAfterToolCallbacks', watched))",
    replace: 'if (false)',
  },
  {
    name: 'tools-not-wrapped',
    why: "only ADK's callbacks are used",
    file: 'adapters/adk/execution.js',
    find: "return replace(tool, 'runAsync', original => {",
    replace: "return replace({}, 'runAsync', original => {",
  },
  {
    name: 'context-is-the-call',
    why: 'a tool that runs another one with its own context is taken for one call',
    file: 'adapters/adk/execution.js',
    find: ' && known.tool === tool && known.args === run.args',
    replace: '',
  },
  {
    name: 'tier-changed-silently',
    why: 'the glass is broken and nobody is told',
    file: 'recorder/declared.js',
    find: '...(tier && { tier }) };',
    replace: '};',
  },
  {
    name: 'null-passes',
    why: 'a call that no callback announced is not decided on',
    file: 'adapters/adk/execution.js',
    find: `if (!slot)
        return original();`,
    replace: `if (slot !== known)
        return original();`,
  },
  {
    name: 'inner-agents-unseen',
    why: 'the agent inside an AgentTool runs without us',
    file: 'adapters/adk/execution.js',
    find: 'manager?.registerPlugin?.(owner.plugin);',
    replace: '',
  },
  {
    name: 'parents-forgotten',
    why: 'a call of an inner agent does not name the call that made it',
    file: 'recorder/intent-draft.js',
    find: 'callOf(request.parent ?? currentTicket())',
    replace: 'callOf(request.parent)',
  },
  {
    name: 'missing-tools-ignored',
    why: 'a call of a tool that is not there leaves no trace',
    file: 'adapters/adk/unreached.js',
    find: 'if (!call.registered)',
    replace: 'if (!call.registered) continue; if (false)',
  },
  {
    name: 'left-calls-ignored',
    why: 'a call that ADK never came to leaves no trace',
    file: 'adapters/adk/announced.js',
    find: 'this.#waiting.add(call);',
    replace: '',
  },
  {
    name: 'client-calls-ignored',
    why: 'what the client runs leaves no trace',
    file: 'adapters/adk/unreached.js',
    find: 'else if (paused)',
    replace: 'else if (paused) continue; else if (false)',
  },
  {
    name: 'final-answer-ignored',
    why: 'calls that a final answer swallowed leave no trace',
    file: 'adapters/adk/unreached.js',
    find: 'if (calls.some(call => call.name === FINAL_ANSWER))',
    replace: 'if (false)',
  },
  {
    name: 'answers-not-heard',
    why: 'the later result of a long-running call is not recorded',
    file: 'adapters/adk/plugin.js',
    find: "if (!waiting || waiting.kind === 'confirmation')",
    replace: '',
  },
  {
    name: 'declines-forgotten',
    why: 'a declined confirmation is recorded as a given one',
    file: 'adapters/adk/gate.js',
    find: 'approved: its.confirmed === true',
    replace: 'approved: true',
  },
  {
    name: 'order-not-declared',
    why: 'nobody learns that another plugin comes first',
    file: 'adapters/adk/plugin.js',
    find: 'second ? [NOT_FIRST] : []',
    replace: '[]',
  },
  {
    name: 'orphans-ignored',
    why: 'a call that an earlier plugin answered leaves no trace',
    file: 'adapters/adk/plugin.js',
    find: 'const request = { ...described, unmediated: true, belated: true };',
    replace: 'return;',
  },
  {
    name: 'losses-not-counted',
    why: 'what could not be written is forgotten',
    file: 'recorder/losses.js',
    find: 'this.#count++;',
    replace: '',
  },
  {
    name: 'disclosures-mixed-up',
    why: 'what is kept does not open what was committed',
    file: 'recorder/values.js',
    find: 'const key = this.#random(32);',
    replace:
      "const key = this.#random(32); if (path === 'args') { this.#kept?.set(path, discloseInFull(json, this.#random(32))); return commit(json, key); }",
  },
]

/** @returns the folder of a copy of dist/ with the mutation applied */
export function applyMutation(mutation, root, to) {
  mkdirSync(to, { recursive: true })
  cpSync(join(root, 'dist'), join(to, 'dist'), { recursive: true })
  // `#crypto` is looked up in the nearest package.json, every other package in the folders above.
  writeFileSync(join(to, 'package.json'), readFileSync(join(root, 'package.json')))
  for (const change of [mutation, ...(mutation.also ? [mutation.also] : [])])
    applyChange(mutation.name, change, join(to, 'dist'))
  return join(to, 'dist')
}

function applyChange(name, { file, find, replace }, dist) {
  const path = join(dist, file)
  const parts = readFileSync(path, 'utf8').split(find)
  if (parts.length !== 2)
    throw new Error(`mutation ${name}: the text to replace stands ${parts.length - 1} times in ${file}, not once`)
  writeFileSync(path, parts.join(replace))
}
