// One HPKE suite from two sources: WebCrypto where it has ML-KEM-768, else bundled code, which also works on plain
// http, where browsers withhold WebCrypto.
import { AEAD_AES_256_GCM, CipherSuite, KDF_HKDF_SHA256, KEM_MLKEM768_X25519, type Key } from 'hpke'

export type Suite = CipherSuite<Key>

export function nativeSuite(): Suite {
  return new CipherSuite(KEM_MLKEM768_X25519, KDF_HKDF_SHA256, AEAD_AES_256_GCM)
}

export async function bundledSuite(): Promise<Suite> {
  const noble = await import('./noble')
  return noble.suite()
}

/** Tell whether this browser does the whole suite itself. */
export async function hasNativeSuite(): Promise<boolean> {
  if (globalThis.crypto?.subtle === undefined) return false
  try {
    const suite = nativeSuite()
    const pair = await suite.GenerateKeyPair()
    await suite.Seal(pair.publicKey, new Uint8Array(1))
    return true
  } catch {
    return false
  }
}

let chosen: Promise<Suite> | undefined

export function chooseSuite(): Promise<Suite> {
  chosen ??= hasNativeSuite().then((native) => (native ? nativeSuite() : bundledSuite()))
  // A chunk that did not load is asked for again at the next attempt.
  chosen.catch(() => (chosen = undefined))
  return chosen
}
