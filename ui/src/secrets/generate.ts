export const ALPHABETS = {
  'letters and digits': 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789',
  'letters, digits and symbols': 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&()*+,-./:;<=>?@[]^_{|}~',
  'letters and digits that look unlike': 'ABCDEFGHJKMNPQRSTUVWXYZabcdefghjkmnpqrstuvwxyz23456789',
  'hexadecimal digits': '0123456789abcdef',
} as const
export type Alphabet = keyof typeof ALPHABETS

export const MIN_LENGTH = 8
export const MAX_LENGTH = 4096

/** Random text, every character of the alphabet as likely as any other. `length` in characters. */
export function randomText(length: number, alphabet: string): string {
  if (!Number.isInteger(length) || length < 1 || length > MAX_LENGTH || alphabet.length < 2 || alphabet.length > 256) {
    throw new RangeError('length or alphabet')
  }
  // A byte above the last whole multiple would make the first characters likelier.
  const limit = 256 - (256 % alphabet.length)
  const bytes = new Uint8Array(256)
  let text = ''
  while (text.length < length) {
    crypto.getRandomValues(bytes)
    for (const byte of bytes) if (byte < limit && text.length < length) text += alphabet[byte % alphabet.length]
  }
  bytes.fill(0)
  return text
}

/** How hard the text is to guess, in bits. */
export function strength(length: number, alphabet: string): number {
  return Math.floor(length * Math.log2(alphabet.length))
}

export interface AgeKey {
  secret: string
  recipient: string
}

/** A new X25519 identity of age and its public half (https://age-encryption.org/v1, "The X25519 recipient type"). */
export async function ageKey(): Promise<AgeKey> {
  // The library for age itself needs WebCrypto, which browsers withhold on plain http.
  const [{ x25519 }, { bech32 }] = await Promise.all([import('@noble/curves/ed25519.js'), import('@scure/base')])
  const scalar = crypto.getRandomValues(new Uint8Array(32))
  try {
    return {
      secret: bech32.encodeFromBytes('age-secret-key-', scalar).toUpperCase(),
      recipient: bech32.encodeFromBytes('age', x25519.scalarMultBase(scalar)),
    }
  } finally {
    scalar.fill(0)
  }
}
