import { execFileSync } from 'node:child_process'
import { sha256 } from '@noble/hashes/sha2.js'
import { describe, expect, test } from 'vitest'
import { toBase64 } from '../src/seal/bytes'
import { encodeRecord, encodeValue, packHeader, secretInfo, ValueError } from '../src/seal/format'
import { checkSealingKey, fingerprint, KeyError, type SealingKey } from '../src/seal/identity'
import { checkPin, trustKeeper, type Pins } from '../src/seal/pin'
import { sealBytes, sealValue } from '../src/seal/seal'
import { bundledSuite, hasNativeSuite, nativeSuite, type Suite } from '../src/seal/suite'
import { hex, unhex, vectors } from './vectors'

interface Secret {
  id: string
  failure: string | null
  seed: string
  site_id: string
  epoch: number
  name: string
  revision: number | bigint
  sealed: string
  value: string
  policy: object
}
interface Info {
  of: string
  site_id: string
  epoch: number
  name: string
  revision: number | bigint
  info: string
}
interface RecordVector {
  id: string
  failure: string | null
  text_repeat?: [string, number]
  policy: object
  record?: string
  sha256?: string
}
interface SiteKey {
  id: string
  failure: string | null
  identity: string
  site_id: string
  epoch: number
  suite: string
  public_key: string
  signature: string
  key_id: string
}

const good = vectors<Secret>('secrets').filter((one) => one.failure === null && one.value !== undefined)
const isDefault = (policy: object | undefined) => policy !== undefined && Object.keys(policy).length === 0

async function open(suite: Suite, seed: Uint8Array<ArrayBuffer>, sealed: Uint8Array<ArrayBuffer>, info: Uint8Array<ArrayBuffer>) {
  const key = await suite.DeserializePrivateKey(seed)
  return suite.Open(key, sealed.slice(11, 1131), sealed.slice(1131), { info })
}

/** What the keeper's own code makes of it. */
function openInPython(request: object): string {
  const python = new URL('../../.venv/bin/python', import.meta.url).pathname
  return execFileSync(python, [new URL('open.py', import.meta.url).pathname], { input: JSON.stringify(request) }).toString()
}

const suites: [string, () => Promise<Suite>][] = [
  ['native', async () => nativeSuite()],
  ['bundled', bundledSuite],
]

test('this Node has the whole suite, so both sources are tested', async () => {
  expect(await hasNativeSuite()).toBe(true)
})

describe.each(suites)('%s', (_name, make) => {
  test.each(good.map((one) => [one.id, one] as const))('opens the vector %s', async (_id, one) => {
    const sealed = Uint8Array.from(Buffer.from(one.sealed, 'base64'))
    const binding = { siteId: one.site_id, epoch: one.epoch, name: one.name, revision: one.revision }
    const record = new Uint8Array(await open(await make(), unhex(one.seed), sealed, secretInfo(binding)))
    expect(hex(sealed.slice(0, 11))).toBe(hex(packHeader(one.epoch)))
    if (isDefault(one.policy)) expect(hex(record)).toBe(hex(encodeRecord(unhex(one.value))))
    else expect(hex(record)).toContain(one.value)
  })

  test('what it seals is what the other one opens', async () => {
    const [{ seed, public_key }] = vectors<{ seed: string; public_key: string }>('xwing') as [never]
    const suite = await make()
    const other = suites.find(([name]) => name !== _name)![1]
    const binding = { siteId: 'ste_1', epoch: 3, name: 'a', revision: 1 }
    const sealed = Uint8Array.from(await sealBytes(suite, unhex(public_key), encodeValue('-----BEGIN\n✓'), binding))
    expect(sealed.length).toBe(11 + 1120 + 256 + 16)
    const record = await open(await other(), unhex(seed), sealed, secretInfo(binding))
    expect(hex(new Uint8Array(record))).toBe(hex(encodeRecord(encodeValue('-----BEGIN\n✓'))))
    expect(openInPython({ ...binding, seed, sealed: hex(sealed) })).toBe('-----BEGIN\n✓')
    await expect(open(await other(), unhex(seed), sealed, secretInfo({ ...binding, revision: 2 }))).rejects.toThrow()
    await expect(open(await other(), unhex(seed), sealed, secretInfo({ ...binding, name: 'b' }))).rejects.toThrow()
  })
})

test.each(vectors<Info>('info').filter((one) => one.of === 'secret' && one.info))('info of $id', (one) => {
  expect(hex(secretInfo({ siteId: one.site_id, epoch: one.epoch, name: one.name, revision: one.revision }))).toBe(one.info)
})

test.each(vectors<RecordVector>('records').filter((one) => one.failure === null && isDefault(one.policy)))(
  'record $id',
  (one) => {
    const text = one.text_repeat![0].repeat(one.text_repeat![1])
    const record = encodeRecord(encodeValue(text))
    expect(hex(sha256(record))).toBe(one.sha256 ?? hex(sha256(unhex(one.record!))))
  },
)

describe('values', () => {
  test.each([
    ['', 'empty'],
    ['a\0b', 'nul'],
    ['half \ud83d pair', 'not_text'],
    ['x'.repeat(1024 * 1024 + 1), 'too_large'],
    ['é'.repeat(512 * 1024 + 1), 'too_large'],
  ])('refuses case %#', (value, failure) => {
    expect(() => encodeValue(value)).toThrow(expect.objectContaining({ failure }))
  })

  test.each(vectors<{ id: string; failure: string | null; text: string }>('placeholders'))('the placeholder $id', ({ failure, text }) => {
    const encode = () => encodeValue(text)
    if (failure) expect(encode).toThrow(expect.objectContaining({ failure }))
    else expect(encode()).toEqual(new TextEncoder().encode(text))
  })

  test('a long placeholder costs no time', () => {
    expect(() => encodeValue('*'.repeat(1024 * 1024))).toThrow(expect.objectContaining({ failure: 'placeholder' }))
    expect(encodeValue(`${' '.repeat(1024 * 1024 - 1)}*`).length).toBe(1024 * 1024)
  })

  test('takes a whole MiB', () => {
    expect(encodeValue('x'.repeat(1024 * 1024)).length).toBe(1024 * 1024)
  })

  test('an error does not hold the value', () => {
    const error = new ValueError('nul')
    expect(JSON.stringify(error) + error.message + error.stack).not.toContain('needle')
  })
})

function asKey(one: SiteKey): SealingKey {
  const base64 = (text: string) => toBase64(unhex(text))
  return {
    ...one,
    revision: 1,
    public_key: base64(one.public_key),
    signature: base64(one.signature),
    identity: base64(one.identity),
  }
}

describe('site keys', () => {
  test.each(vectors<SiteKey>('site_keys').map((one) => [one.id, one] as const))('vector %s', async (_id, one) => {
    const checked = checkSealingKey(asKey(one))
    if (one.failure === null) expect((await checked).keeper).toBe(await fingerprint(unhex(one.identity)))
    else await expect(checked).rejects.toThrow(KeyError)
  })

  test('an unsigned key gets nothing', async () => {
    const key = asKey(vectors<SiteKey>('site_keys').find((one) => one.failure === null)!)
    await expect(sealValue('needle', 'a', { ...key, epoch: key.epoch + 1 })).rejects.toThrow(KeyError)
  })
})

describe('the pin', () => {
  const store = (): Pins & { kept: Map<string, string> } => {
    const kept = new Map<string, string>()
    return { kept, getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => void kept.set(key, value) }
  }

  test('remembers the first keeper and refuses another until a person trusts it', () => {
    const pins = store()
    checkPin('SHA256:a', pins)
    checkPin('SHA256:a', pins)
    expect(() => checkPin('SHA256:b', pins)).toThrow(expect.objectContaining({ failure: 'changed', expected: 'SHA256:a' }))
    expect([...pins.kept.values()]).toEqual(['SHA256:a'])
    trustKeeper('SHA256:b', pins)
    checkPin('SHA256:b', pins)
  })
})
