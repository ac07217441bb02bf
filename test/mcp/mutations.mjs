// Ways in which the proxy could be wrong, each of which a row must notice: `npm run conformance:mcp -- --break all`.
export const mutations = [
  {
    name: 'intent-not-awaited',
    why: 'a call goes on while its intent is still being written',
    file: 'adapters/mcp/admission.js',
    find: 'call.ticket = await recorder.intent(request, decision);',
    replace: 'recorder.intent(request, decision).then(ticket => { call.ticket = ticket; }, () => {});',
  },
  {
    name: 'outcome-not-awaited',
    why: 'a client sees an answer that is not recorded yet',
    file: 'adapters/mcp/exchange.js',
    find: 'await call.end(result);\n        return true;',
    replace: 'void call.end(result);\n        return true;',
  },
  {
    name: 'batches-not-opened',
    why: 'calls in a batch go unrecorded',
    file: 'adapters/mcp/exchange.js',
    find: 'const passages = messages.map',
    replace: 'const passages = (batch ? [] : messages).map',
  },
  {
    name: 'repeated-names-pass',
    why: 'one reading of a message is recorded and another executed',
    file: 'adapters/mcp/reading.js',
    find: "return 'repeats a name';",
    replace: '',
  },
  {
    name: 'carriage-returns-pass',
    why: 'a message inside another one goes unrecorded',
    file: 'adapters/mcp/reading.js',
    find: "if (text.includes('\\r'))",
    replace: 'if (false)',
  },
  {
    name: 'definitions-forgotten',
    why: 'a tool that is described in other words looks like the old one',
    file: 'adapters/mcp/catalogue.js',
    find: 'return this.#digests.get(name);',
    replace: 'return undefined;',
  },
  {
    name: 'dead-servers-forgotten',
    why: 'a call whose server died has no outcome',
    file: 'adapters/mcp/stdio.js',
    find: "await this.#exchange.close('the server ended');",
    replace: '',
  },
]
