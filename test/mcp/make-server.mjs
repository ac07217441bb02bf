// A server with what the conformance suite looks for in tools, resources and prompts, in both eras of the protocol. What it
// does not have fails without the proxy and with it: the lists are compared, not the numbers.
import { acceptedContent, inputRequired, McpServer, ResourceTemplate } from '@modelcontextprotocol/server'
import * as z from 'zod'

const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='
const SILENCE = 'UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA='
const text = value => ({ type: 'text', text: value })
const image = { type: 'image', data: PIXEL, mimeType: 'image/png' }
const audio = { type: 'audio', data: SILENCE, mimeType: 'audio/wav' }
const embedded = (uri, value) => ({ type: 'resource', resource: { uri, mimeType: 'text/plain', text: value } })
const user = content => ({ role: 'user', content })
const pause = ms => new Promise(resolve => setTimeout(resolve, ms))

export function makeServer() {
  const server = new McpServer(
    { name: 'deedlog-test-server', version: '1.0.0' },
    { capabilities: { logging: {}, completions: {}, resources: { subscribe: true, listChanged: true } } },
  )
  addTools(server)
  addQuestions(server)
  addResources(server)
  addPrompts(server)
  server.server.setRequestHandler('completion/complete', async () => ({ completion: { values: [], hasMore: false } }))
  for (const method of ['resources/subscribe', 'resources/unsubscribe'])
    server.server.setRequestHandler(method, async () => ({}))
  return server
}

function addTools(server) {
  const tool = (name, description, run, inputSchema) =>
    server.registerTool(name, { description, ...(inputSchema && { inputSchema: z.object(inputSchema) }) }, run)
  tool('test_simple_text', 'One text', async () => ({
    content: [text('This is a simple text response for testing.')],
  }))
  tool('test_image_content', 'One image', async () => ({ content: [image] }))
  tool('test_audio_content', 'One sound', async () => ({ content: [audio] }))
  tool('test_embedded_resource', 'One resource', async () => ({
    content: [embedded('test://embedded-resource', 'This is an embedded resource content.')],
  }))
  tool('test_multiple_content_types', 'All kinds', async () => ({
    content: [text('Multiple content types test:'), image, embedded('test://mixed', '{"test":"data"}')],
  }))
  tool('test_error_handling', 'Always fails', async () => {
    throw new Error('This tool intentionally returns an error for testing')
  })
  tool('test_tool_with_progress', 'Says how far it is', async (...given) => {
    const { mcpReq } = given.at(-1)
    const progressToken = mcpReq._meta?.progressToken
    for (const progress of [0, 50, 100]) {
      if (progressToken !== undefined)
        await mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress, total: 100 } })
      await pause(20)
    }
    return { content: [text('done')] }
  })
  tool('test_tool_with_logging', 'Logs', async (...given) => {
    for (const data of ['Tool execution started', 'Tool processing data', 'Tool execution completed']) {
      await given.at(-1).mcpReq.log('info', data)
      await pause(20)
    }
    return { content: [text('done')] }
  })
  tool('echo', 'Says it again', async ({ message }) => ({ content: [text(message)] }), { message: z.string() })
}

/** Tools that want to know something first. */
function addQuestions(server) {
  const asking = (name, inputRequests, answer) =>
    server.registerTool(name, { description: 'Asks first', inputSchema: z.object({}) }, async (_, { mcpReq }) => {
      const { inputResponses } = mcpReq
      const missing = Object.keys(inputRequests).some(key => inputResponses?.[key] === undefined)
      return missing ? inputRequired({ inputRequests }) : { content: [text(answer(inputResponses))] }
    })
  const form = (message, property) => ({
    message,
    requestedSchema: { type: 'object', properties: { [property]: { type: 'string' } }, required: [property] },
  })
  const ask = () => inputRequired.elicit(form('What is your name?', 'name'))
  const think = question => inputRequired.createMessage({ messages: [user(text(question))], maxTokens: 100 })
  asking('test_input_required_result_elicitation', { user_name: ask() }, answers => {
    const { name } = acceptedContent(answers, 'user_name') ?? {}
    return `Hello, ${name}!`
  })
  asking(
    'test_input_required_result_sampling',
    { capital_question: think('What is the capital of France?') },
    ({ capital_question: { content } }) => content?.text ?? '',
  )
  asking('test_input_required_result_list_roots', { client_roots: inputRequired.listRoots() }, answers =>
    JSON.stringify(answers.client_roots),
  )
  asking(
    'test_input_required_result_multiple_inputs',
    { user_name: ask(), greeting: think('Greet the user.'), client_roots: inputRequired.listRoots() },
    () => 'all answered',
  )
}

function addResources(server) {
  const resource = (name, uri, contents) =>
    server.registerResource(name, uri, { title: name, description: name, mimeType: contents.mimeType }, async () => ({
      contents: [{ uri, ...contents }],
    }))
  resource('static-text', 'test://static-text', {
    mimeType: 'text/plain',
    text: 'This is the content of the static text resource.',
  })
  resource('static-binary', 'test://static-binary', { mimeType: 'image/png', blob: PIXEL })
  server.registerResource(
    'template',
    new ResourceTemplate('test://template/{id}/data', { list: undefined }),
    { title: 'template', description: 'By its id', mimeType: 'application/json' },
    async (uri, { id }) => ({
      contents: [{ uri: uri.href, mimeType: 'application/json', text: JSON.stringify({ id, data: `Data for ${id}` }) }],
    }),
  )
}

function addPrompts(server) {
  server.registerPrompt('test_simple_prompt', { description: 'Without arguments' }, async () => ({
    messages: [user(text('This is a simple prompt for testing.'))],
  }))
  const two = z.object({ arg1: z.string(), arg2: z.string() })
  server.registerPrompt('test_prompt_with_arguments', { description: 'With two', argsSchema: two }, async args => ({
    messages: [user(text(`Prompt with arguments: arg1='${args.arg1}', arg2='${args.arg2}'`))],
  }))
  const one = z.object({ resourceUri: z.string() })
  server.registerPrompt(
    'test_prompt_with_embedded_resource',
    { description: 'With one', argsSchema: one },
    async args => ({
      messages: [user(embedded(args.resourceUri, 'Embedded resource content for testing.'))],
    }),
  )
  server.registerPrompt('test_prompt_with_image', { description: 'With an image' }, async () => ({
    messages: [user(image), user(text('Please analyze the image above.'))],
  }))
}
