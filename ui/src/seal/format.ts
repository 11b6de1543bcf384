// The sealed secret of docs/formats.md, byte by byte.
import { concat, encodeText, joinFields, packNumber } from './bytes'

export const SUITE = 'MLKEM768-X25519/HKDF-SHA256/AES-256-GCM'
export const MAX_VALUE_BYTES = 1024 * 1024
export const DEFAULT_POLICY = '{"v":1}'

const FORMAT_VERSION = 1
const RECORD_VERSION = 1
const PAD_STEP = 256
const SUITE_NUMBERS = [0x64, 0x7a, 0x00, 0x01, 0x00, 0x02]

export type ValueFailure = 'empty' | 'too_large' | 'nul' | 'not_text' | 'placeholder'

/** Why a value cannot be stored. Never holds the value. */
export class ValueError extends Error {
  constructor(readonly failure: ValueFailure) {
    super(MESSAGES[failure])
  }
}

const MESSAGES: Record<ValueFailure, string> = {
  empty: 'Enter a value.',
  too_large: 'The value is larger than 1 MiB.',
  nul: 'The value contains a NUL character. Binary data cannot be stored; encode it as base64.',
  not_text: 'The value is not valid text. Encode binary data as base64.',
  placeholder: 'This is a placeholder, such as ***, that stands for a value. Give the value itself.',
}

// The same as src/nightdrop/crypto/value.py refuses: the server cannot look into what is sealed.
const PLACEHOLDER = /^[ \t\n\v\f\r]*(?:[*\u2022\u25cf]{3,}|[[<(](?:hidden|redacted|masked|secret)([^\n]{0,40})[\])>])[ \t\n\v\f\r]*$/i
const PLACEHOLDER_WORD_BYTES = 40

/** Whether the text is what programs show in place of a value. */
function isPlaceholder(value: string): boolean {
  const found = PLACEHOLDER.exec(value)
  return found !== null && encodeText(found[1] ?? '').length <= PLACEHOLDER_WORD_BYTES
}

/** The UTF-8 bytes of a value; the caller wipes them. */
export function encodeValue(value: string): Uint8Array<ArrayBuffer> {
  if (value === '') throw new ValueError('empty')
  // TextEncoder would put U+FFFD in the place of half a surrogate pair: another value than was typed.
  if (!value.isWellFormed()) throw new ValueError('not_text')
  if (value.includes('\0')) throw new ValueError('nul')
  if (value.length > MAX_VALUE_BYTES) throw new ValueError('too_large')
  if (isPlaceholder(value)) throw new ValueError('placeholder')
  const bytes = encodeText(value)
  if (bytes.length > MAX_VALUE_BYTES) {
    bytes.fill(0)
    throw new ValueError('too_large')
  }
  return bytes
}

/** The padded plaintext; the caller wipes it. */
export function encodeRecord(value: Uint8Array, policy = DEFAULT_POLICY): Uint8Array<ArrayBuffer> {
  const head = concat(Uint8Array.of(RECORD_VERSION), joinFields(encodeText(policy)), packNumber(value.length, 4))
  const record = new Uint8Array(Math.ceil((head.length + value.length) / PAD_STEP) * PAD_STEP)
  record.set(head)
  record.set(value, head.length)
  return record
}

export interface Binding {
  siteId: string
  epoch: number
  name: string
  revision: number | bigint
}

/** HPKE `info`: what the sealed value is bound to. */
export function secretInfo({ siteId, epoch, name, revision }: Binding): Uint8Array<ArrayBuffer> {
  return joinFields(
    encodeText('nightdrop/secret/v1'),
    encodeText(SUITE),
    encodeText(siteId),
    packNumber(epoch, 4),
    encodeText(name),
    packNumber(revision, 8),
  )
}

export function packHeader(epoch: number): Uint8Array<ArrayBuffer> {
  return concat(Uint8Array.of(FORMAT_VERSION, ...SUITE_NUMBERS), packNumber(epoch, 4))
}
