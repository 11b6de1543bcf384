// What can be imported: a file of NAME=value lines as shells and dotenv read it, or one JSON object of texts.
// Nothing is expanded and nothing is guessed: what cannot be taken exactly as written is a problem of that row.
import { encodeValue, ValueError } from '../seal/format'
import { nameProblem } from './name'

export interface ImportRow {
  line: number
  name: string
  value: string
  bytes: number
  problem?: string
  note?: string
}

/** The rows of a file, or one sentence on why there are none. */
export function parseImport(text: string): { rows: ImportRow[]; problem?: string } {
  const clean = text.replace(/^\uFEFF/, '').replace(/\r\n?/g, '\n')
  if (clean.trim() === '') return { rows: [], problem: 'There is nothing in it.' }
  const parsed = clean.trimStart().startsWith('{') ? parseJson(clean) : { rows: parseEnv(clean) }
  if (parsed.rows.length === 0) return { rows: [], problem: parsed.problem ?? 'No line has the form NAME=value.' }
  markRepeats(parsed.rows)
  return { rows: parsed.rows }
}

function parseJson(text: string): { rows: ImportRow[]; problem?: string } {
  let content: unknown
  try {
    content = JSON.parse(text)
  } catch {
    // The parser's own message quotes the text.
    return { rows: [], problem: 'It begins like JSON but is not valid JSON.' }
  }
  const rows = Object.entries(content as object).map(([name, value], index) =>
    typeof value === 'string'
      ? row(index + 1, name, value)
      : row(index + 1, name, '', 'Only texts can be imported: put the value in quotes.'),
  )
  return { rows, problem: 'The JSON object is empty.' }
}

const ASSIGNMENT = /^[ \t]*(?:export[ \t]+)?([^=\n]*?)[ \t]*=[ \t]*/

function parseEnv(text: string): ImportRow[] {
  const rows: ImportRow[] = []
  let at = 0
  let line = 1
  while (at < text.length) {
    const end = endOfLine(text, at)
    const whole = text.slice(at, end)
    let next = end
    if (whole.trim() !== '' && !whole.trimStart().startsWith('#')) {
      const found = ASSIGNMENT.exec(whole)
      if (!found) rows.push(row(line, '', '', 'Not of the form NAME=value.'))
      else {
        const value = readValue(text, at + found[0].length)
        next = value.end
        rows.push(row(line, found[1]!, value.text, value.problem, value.note))
      }
    }
    line += text.slice(at, next + 1).split('\n').length - 1
    at = next + 1
  }
  return rows
}

interface Read {
  text: string
  end: number
  problem?: string
  note?: string
}

function readValue(text: string, start: number): Read {
  const quote = text[start]
  if (quote === '"' || quote === "'" || quote === '`') return readQuoted(text, start, quote)
  const end = endOfLine(text, start)
  const bare = text.slice(start, end).replace(/(^|[ \t])#.*$/, '').trim()
  return { text: bare, end, note: /\$\{?\w/.test(bare) ? 'Taken as written: variables are not filled in.' : undefined }
}

function readQuoted(text: string, start: number, quote: string): Read {
  let value = ''
  for (let at = start + 1; at < text.length; at++) {
    const char = text[at]!
    if (char === quote) {
      const end = endOfLine(text, at)
      const rest = text.slice(at + 1, end).trim()
      if (rest !== '' && !rest.startsWith('#')) return { text: '', end, problem: 'There is text after the closing quote.' }
      const expands = quote === '"' && /\$\{?\w/.test(value)
      return { text: value, end, note: expands ? 'Taken as written: variables are not filled in.' : undefined }
    }
    if (char === '\\' && quote === '"') value += unescape(text[++at])
    else value += char
  }
  // Only this line is lost, not the rest of the file.
  return { text: '', end: endOfLine(text, start), problem: 'The closing quote is missing.' }
}

const ESCAPES: Record<string, string> = { n: '\n', r: '\r', t: '\t', '"': '"', '\\': '\\', $: '$' }

function unescape(char: string | undefined): string {
  return char === undefined ? '\\' : (ESCAPES[char] ?? `\\${char}`)
}

function endOfLine(text: string, at: number): number {
  const end = text.indexOf('\n', at)
  return end < 0 ? text.length : end
}

function row(line: number, name: string, value: string, problem?: string, note?: string): ImportRow {
  const wrong = problem ?? nameProblem(name) ?? valueProblem(value)
  if (wrong) return { line, name, value: '', bytes: 0, problem: wrong }
  return { line, name, value, bytes: new Blob([value]).size, note }
}

function valueProblem(value: string): string | undefined {
  try {
    encodeValue(value).fill(0)
    return undefined
  } catch (error) {
    if (!(error instanceof ValueError)) throw error
    return error.failure === 'empty' ? 'The value is empty.' : error.message
  }
}

function markRepeats(rows: ImportRow[]): void {
  const seen = new Map<string, number>()
  for (const one of rows) {
    if (one.problem) continue
    const first = seen.get(one.name)
    if (first === undefined) seen.set(one.name, one.line)
    else Object.assign(one, { value: '', problem: `The name is already in line ${first}.` })
  }
}
