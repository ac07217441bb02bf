export { type RunningWitness, serveWitness, type WitnessListen } from './server.js'
export { type Answer, Witness, type WitnessedLog, witnessForks } from './witness.js'
