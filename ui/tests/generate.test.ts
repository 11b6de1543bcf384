import { Decrypter, Encrypter } from 'age-encryption'
import { describe, expect, test, vi } from 'vitest'
import { ageKey, ALPHABETS, MAX_LENGTH, randomText, strength } from '../src/secrets/generate'
import { readTextFile } from '../src/secrets/textfile'

describe('random text', () => {
  test.each(Object.values(ALPHABETS))('has the length and only characters of the alphabet: %s', (alphabet) => {
    for (const length of [1, 8, 300, MAX_LENGTH]) {
      const text = randomText(length, alphabet)
      expect(text).toHaveLength(length)
      expect([...text].every((char) => alphabet.includes(char))).toBe(true)
    }
    expect(new Set(alphabet).size).toBe(alphabet.length)
  })

  test('every character is as likely as any other', () => {
    // Every byte once: with 62 characters the last 8 bytes must be thrown away, or eight characters come once more.
    const spy = vi.spyOn(crypto, 'getRandomValues').mockImplementation((array) => {
      ;(array as Uint8Array).forEach((_, index, all) => (all[index] = index))
      return array
    })
    const text = randomText(248, ALPHABETS['letters and digits'])
    spy.mockRestore()
    for (const char of ALPHABETS['letters and digits']) expect(text.split(char)).toHaveLength(5)
  })

  test.each([0, -1, 1.5, MAX_LENGTH + 1, NaN])('refuses the length %s', (length) => {
    expect(() => randomText(length, 'ab')).toThrow(RangeError)
  })

  test('two are not the same', () => {
    expect(randomText(32, ALPHABETS['hexadecimal digits'])).not.toBe(randomText(32, ALPHABETS['hexadecimal digits']))
  })

  test('counts bits', () => {
    expect(strength(32, ALPHABETS['hexadecimal digits'])).toBe(128)
  })
})

test('the public half of an age key encrypts for the secret half', async () => {
  const { secret, recipient } = await ageKey()
  expect(secret).toMatch(/^AGE-SECRET-KEY-1[0-9A-Z]{58}$/)
  expect(recipient).toMatch(/^age1[0-9a-z]{58}$/)
  const encrypter = new Encrypter()
  encrypter.addRecipient(recipient)
  const decrypter = new Decrypter()
  decrypter.addIdentity(secret)
  expect(await decrypter.decrypt(await encrypter.encrypt('hello'), 'text')).toBe('hello')
})

describe('files', () => {
  test.each<[string, BlobPart[], object]>([
    ['PEM', ['-----BEGIN\r\nabc\n'], { text: '-----BEGIN\r\nabc\n' }],
    ['byte order mark', [Uint8Array.of(0xef, 0xbb, 0xbf, 0x61)], { text: '\uFEFFa' }],
    ['empty', [], { problem: 'The file is empty.' }],
    ['binary', [Uint8Array.of(0xff, 0xfe)], { problem: 'The file is not UTF-8 text. Encode binary data as base64 first.' }],
    ['NUL', [Uint8Array.of(0x61, 0)], { problem: 'The file is not text. Encode binary data as base64 first.' }],
    ['large', ['x'.repeat(1024 * 1024 + 1)], { problem: 'The file is larger than 1 MiB.' }],
  ])('%s', async (_name, parts, expected) => {
    expect(await readTextFile(new Blob(parts))).toEqual(expected)
  })
})
