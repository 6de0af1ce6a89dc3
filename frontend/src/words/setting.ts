/** Values of settings as people write them: any JSON, or else a text without its quotes. */

export function readValue(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text
  }
}

/** What `readValue` takes for `value`: a text that would be taken for something else has its quotes. */
export function textOf(value: unknown, indent = 2): string {
  return typeof value === 'string' && readValue(value) === value ? value : JSON.stringify(value, null, indent)
}

/** What kind of value `text` is taken for. */
export function kindOf(text: string): string {
  const value = readValue(text)
  if (value === null) return 'nothing (null)'
  if (Array.isArray(value)) return 'a list'
  switch (typeof value) {
    case 'string':
      return 'a text'
    case 'number':
      return 'a number'
    case 'boolean':
      return 'yes or no'
    default:
      return 'an object'
  }
}
