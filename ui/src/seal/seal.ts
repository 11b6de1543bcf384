import { concat, toBase64 } from './bytes'
import { encodeRecord, encodeValue, packHeader, secretInfo, type Binding } from './format'
import { checkSealingKey, type SealingKey } from './identity'
import { checkPin } from './pin'
import { chooseSuite, type Suite } from './suite'

/** Seal bytes to a site's public key; see "Sealed secret" in docs/formats.md. */
export async function sealBytes(
  suite: Suite,
  publicKey: Uint8Array<ArrayBuffer>,
  value: Uint8Array,
  binding: Binding,
): Promise<Uint8Array> {
  const record = encodeRecord(value)
  try {
    const key = await suite.DeserializePublicKey(publicKey)
    const sealed = await suite.Seal(key, record, { info: secretInfo(binding) })
    return concat(packHeader(binding.epoch), sealed.encapsulatedSecret, sealed.ciphertext)
  } finally {
    record.fill(0)
  }
}

export interface SealedValue {
  sealed: string
  revision: number
  epoch: number
}

/**
 * Seal what was typed, after checking who made the key. What the API gets is the result alone.
 *
 * @throws ValueError, KeyError
 */
export async function sealValue(value: string, name: string, key: SealingKey): Promise<SealedValue> {
  const bytes = encodeValue(value)
  try {
    const { publicKey, keeper } = await checkSealingKey(key)
    checkPin(keeper)
    const binding = { siteId: key.site_id, epoch: key.epoch, name, revision: key.revision }
    const sealed = await sealBytes(await chooseSuite(), publicKey, bytes, binding)
    return { sealed: toBase64(sealed), revision: key.revision, epoch: key.epoch }
  } finally {
    bytes.fill(0)
  }
}
