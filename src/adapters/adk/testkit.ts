import { type BaseAgent, type BasePlugin, InMemoryRunner, LlmAgent, LogLevel, setLogLevel } from '@google/adk'
import { ListBackend } from '../../recorder/testkit.js'
import { type ScriptedTurn, scriptedModel } from '../../testing/index.js'

setLogLevel(LogLevel.ERROR)

export { ListBackend }

/** One run of an agent with the given tools and script; the responses the model was shown, in order. */
export async function run(options: {
  readonly plugins: readonly BasePlugin[]
  readonly tools?: ConstructorParameters<typeof LlmAgent>[0]['tools']
  readonly turns?: readonly ScriptedTurn[]
  readonly agent?: BaseAgent
}) {
  const agent =
    options.agent ??
    new LlmAgent({ name: 'shop', model: scriptedModel(options.turns ?? []), tools: options.tools ?? [] })
  const runner = new InMemoryRunner({ agent, appName: 'shop', plugins: [...options.plugins] })
  const session = await runner.sessionService.createSession({ appName: 'shop', userId: 'ann' })
  const go = (parts: readonly object[]) => collect(runner, session.id, parts)
  return { go, runner, session, first: await go([{ text: 'go' }]) }
}

async function collect(runner: InMemoryRunner, sessionId: string, parts: readonly object[]) {
  const responses: { name: string; id: string; response: unknown }[] = []
  const texts: string[] = []
  const errors: string[] = []
  const events: unknown[] = []
  for await (const event of runner.runAsync({
    userId: 'ann',
    sessionId,
    newMessage: { role: 'user', parts: [...parts] },
  })) {
    events.push(event)
    if (event.errorMessage) errors.push(event.errorMessage)
    for (const part of event.content?.parts ?? []) {
      if (part.text) texts.push(part.text)
      if (part.functionResponse)
        responses.push({
          name: part.functionResponse.name ?? '',
          id: part.functionResponse.id ?? '',
          response: part.functionResponse.response,
        })
    }
  }
  return { responses, texts, errors, events }
}
