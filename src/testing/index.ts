export { assertCoverage, type ExpectedCoverage } from './assert-coverage.js'
export { type ScriptedCall, type ScriptedModel, type ScriptedTurn, scriptedModel } from './scripted-model.js'
export { type TsaFault, TsaServer, type TsaServerOptions } from './tsa/server.js'
