import { readFileSync } from 'node:fs'

export function vectors<T>(name: string): T[] {
  const text = readFileSync(new URL(`../../tests/vectors/${name}.json`, import.meta.url), 'utf8')
  return JSON.parse(text, exact as never) as T[]
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

export function unhex(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(Buffer.from(text, 'hex'))
}

/** Numbers above 2^53 as bigint: a revision has 64 bits. */
function exact(_key: string, value: unknown, { source }: { source?: string }): unknown {
  return typeof value === 'number' && !Number.isSafeInteger(value) ? BigInt(source!) : value
}
