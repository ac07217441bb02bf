import { realWorld, type World } from '../log/world.js'
import { configuredWitnesses } from '../publish/witness-config.js'

/** The world of a command that writes a log: it asks the witnesses whom the private folder of the log names. */
export const commandWorld: World = { ...realWorld, witnessesOf: configuredWitnesses }
