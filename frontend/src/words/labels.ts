/** `name:value` texts as labels. */
export function labelsOf(texts: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    texts.map((text) => {
      const [, name = text, value = ''] = /^([^:=]*)[:=](.*)$/s.exec(text) ?? []
      return [name.trim(), value.trim()]
    }),
  )
}
