import { isObject, read } from '../read.js'

/**
 * What the model is told of a tool: its name, its description, the JSON Schema of its input. Undefined when the schema
 * is not to be had: a digest of half a definition would look like one of the whole.
 */
export function definitionOf(name: string, tool: object): unknown {
  const inputSchema = jsonSchemaOf(read(tool, 'inputSchema'))
  if (!inputSchema) return undefined
  const description = read(tool, 'description')
  return { name, ...(typeof description === 'string' && { description }), inputSchema }
}

/** The SDK's own `jsonSchema(...)`, which MCP tools have, or what implements Standard JSON Schema, as Zod 4 does. */
function jsonSchemaOf(schema: unknown): object | undefined {
  const given = read(schema, 'jsonSchema')
  // Version 6 and 7 may promise one; the first call will not wait for it.
  if (isObject(given) && typeof given['then'] !== 'function') return given
  try {
    const convert = read(schema, '~standard', 'jsonSchema', 'input')
    if (typeof convert !== 'function') return undefined
    const converted: unknown = convert({ target: 'draft-07' })
    return isObject(converted) ? converted : undefined
  } catch {
    return undefined // a schema that JSON Schema cannot say
  }
}
