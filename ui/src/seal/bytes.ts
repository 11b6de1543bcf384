const utf8 = new TextEncoder()

export function encodeText(text: string): Uint8Array<ArrayBuffer> {
  return utf8.encode(text)
}

/** Big endian, unsigned. */
export function packNumber(value: number | bigint, bytes: 4 | 8): Uint8Array<ArrayBuffer> {
  const packed = new Uint8Array(8)
  new DataView(packed.buffer).setBigUint64(0, BigInt(value))
  return packed.slice(8 - bytes)
}

export function concat(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/** Fields one after the other, each with its length as u32 before it. */
export function joinFields(...fields: Uint8Array[]): Uint8Array<ArrayBuffer> {
  return concat(...fields.flatMap((field) => [packNumber(field.length, 4), field]))
}

const CHUNK = 0x8000

/** Standard alphabet with padding (RFC 4648 section 4). */
export function toBase64(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length; at += CHUNK) text += String.fromCharCode(...bytes.subarray(at, at + CHUNK))
  return btoa(text)
}

export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (char) => char.charCodeAt(0))
}
