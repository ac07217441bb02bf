export { assertCoverage, type ExpectedCoverage } from './assert-coverage.js'
export { type ScriptedCall, type ScriptedModel, type ScriptedTurn, scriptedModel } from './scripted-model.js'
