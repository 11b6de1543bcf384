// The keeper signs each site key; see "Site key signature" in docs/formats.md.
import { encodeText, fromBase64, joinFields, packNumber, toBase64 } from './bytes'
import { SUITE } from './format'

export interface SealingKey {
  site_id: string
  epoch: number
  suite: string
  key_id: string
  public_key: string
  signature: string
  identity: string
  revision: number
}

export type KeyFailure = 'suite' | 'signature' | 'changed'

/** Why a site's key is not used. */
export class KeyError extends Error {
  constructor(
    readonly failure: KeyFailure,
    readonly expected = '',
    readonly met = '',
  ) {
    super(MESSAGES[failure])
  }
}

const MESSAGES: Record<KeyFailure, string> = {
  suite: 'This server wants another algorithm than this page knows. Reload the page.',
  signature: "The site's key is not signed by the keeper. Nothing was sent. Tell the administrator of this server.",
  changed: 'This server shows another keeper than the one this browser knows. Nothing was sent.',
}

/** `SHA256:` and base64 without padding. */
export async function fingerprint(publicKey: Uint8Array): Promise<string> {
  const { sha256 } = await import('@noble/hashes/sha2.js')
  return `SHA256:${toBase64(sha256(publicKey)).replace(/=+$/, '')}`
}

/**
 * Check a site key's signature and return its public key and the keeper's fingerprint.
 *
 * @throws KeyError `suite` or `signature`
 */
export async function checkSealingKey(key: SealingKey): Promise<{ publicKey: Uint8Array<ArrayBuffer>; keeper: string }> {
  if (key.suite !== SUITE) throw new KeyError('suite')
  const publicKey = fromBase64(key.public_key)
  const identity = fromBase64(key.identity)
  const signed = joinFields(
    encodeText('nightdrop/site-key/v1'),
    encodeText(key.suite),
    encodeText(key.site_id),
    packNumber(key.epoch, 4),
    publicKey,
  )
  const { ed25519 } = await import('@noble/curves/ed25519.js')
  if (!isSigned(() => ed25519.verify(fromBase64(key.signature), signed, identity, { zip215: false }))) {
    throw new KeyError('signature')
  }
  if ((await fingerprint(publicKey)) !== key.key_id) throw new KeyError('signature')
  return { publicKey, keeper: await fingerprint(identity) }
}

function isSigned(verify: () => boolean): boolean {
  try {
    return verify()
  } catch {
    return false
  }
}
