export { type RunningWitness, serveWitness } from './server.js'
export { Witness, type WitnessedLog, witnessForks } from './witness.js'
