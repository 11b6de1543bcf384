const SIMPLE: Record<string, string> = { n: '\n', t: '\t', r: '\r', b: '\b', f: '\f', v: '\v', '0': '\0' }
const ESCAPE = /\\(u\{([0-9a-fA-F]{1,6})\}|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|\r\n|[\s\S])/g

/** The text that a literal in quotes stands for (ECMAScript 2023, 12.9.4); `null` when it is none or is put together. */
export function textOfLiteral(source: string): string | null {
  const quote = source[0]
  if (source.length < 2 || !quote || !'"\'`'.includes(quote) || source.at(-1) !== quote) return null
  const inner = source.slice(1, -1)
  if (quote === '`' && /(^|[^\\])(\\\\)*\$\{/.test(inner)) return null
  return inner.replace(ESCAPE, (whole, escaped: string, long?: string, four?: string, two?: string) => {
    const code = long ?? four ?? two
    if (code !== undefined) return String.fromCodePoint(Math.min(parseInt(code, 16), 0x10ffff))
    if (/^(\r\n|[\n\r\u2028\u2029])$/.test(escaped)) return ''
    return SIMPLE[escaped] ?? (whole.length > 1 ? escaped : whole)
  })
}
