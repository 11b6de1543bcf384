import type { MovedLiteral } from '../../api/schema'
import type { Leak } from '../api'
import { textOfLiteral } from './literal'

/** What moving a literal to a secret means for the code. */
export interface Move {
  /** The value of the secret. */
  value: string
  /** The code with a call in place of every literal of this value. */
  code: string
}

/** Replace the literal of `leak`, and those of the same value, by a call that reads `name`; `null` when it is no literal. */
export function moveToSecret(code: string, leak: Leak, leaks: Leak[], name: string): Move | null {
  const value = textOfLiteral(code.slice(leak.start, leak.end))
  if (value === null) return null
  const same = leaks.filter((one) => one.movable && textOfLiteral(code.slice(one.start, one.end)) === value)
  const call = `GetSecret(${JSON.stringify(name)})`
  const from = [...same].sort((a, b) => b.start - a.start)
  return { value, code: from.reduce((text, one) => text.slice(0, one.start) + call + text.slice(one.end), code) }
}

/** Where the literal stands in the stored version, for the server to take it out of all of them. */
export function storedLiteral(stored: string, version: number, source: string, secret: string): MovedLiteral[] {
  const start = stored.indexOf(source)
  return start < 0 ? [] : [{ secret, version, start }]
}
