import { quote } from '../core/errors.js'
import type { Anchor } from './anchor.js'
import type { AnchorEntry } from './anchor-config.js'
import { mycelium } from './mycelium.js'

/**
 * An entry of a service of trails: `url`, and where wanted `apiKeyEnv`, the name of the variable that holds the key for its bills.
 * @throws {TypeError} for an option that is none
 */
export function trailsOf({ name, mode, url, apiKeyEnv }: AnchorEntry): Anchor {
  if (typeof url !== 'string') throw new TypeError('it has no url')
  if (apiKeyEnv !== undefined && typeof apiKeyEnv !== 'string')
    throw new TypeError('apiKeyEnv is no name of a variable')
  const apiKey = apiKeyEnv === undefined ? undefined : process.env[apiKeyEnv]
  if (apiKeyEnv !== undefined && !apiKey) throw new TypeError(`the variable ${quote(apiKeyEnv)} is not set`)
  return mycelium({
    url,
    name,
    ...(mode === undefined ? {} : { mode }),
    ...(apiKey === undefined ? {} : { apiKey }),
  })
}
