// Seals one secret outside Python: shows that docs/formats.md is enough, and gives the vector "sealed-in-javascript".
//   npm install hpke@1.1.7 @panva/hpke-noble@1.0.3 && node seal.mjs < request.json
// Request: {public_key (hex), site_id, epoch, name, revision, value}. Answer: the sealed secret in hex.
import { readFileSync } from 'node:fs'
import { CipherSuite } from 'hpke'
import { AEAD_AES_256_GCM, KDF_HKDF_SHA256, KEM_MLKEM768_X25519 } from '@panva/hpke-noble'

const utf8 = new TextEncoder()
const request = JSON.parse(readFileSync(0, 'utf8'))

function number(value, bytes) {
  const buffer = new ArrayBuffer(8)
  new DataView(buffer).setBigUint64(0, BigInt(value))
  return new Uint8Array(buffer, 8 - bytes)
}

function join(...parts) {
  return Uint8Array.from(parts.flatMap((part) => [...part]))
}

function field(bytes) {
  return join(number(bytes.length, 4), bytes)
}

const info = join(
  field(utf8.encode('nightdrop/secret/v1')),
  field(utf8.encode('MLKEM768-X25519/HKDF-SHA256/AES-256-GCM')),
  field(utf8.encode(request.site_id)),
  field(number(request.epoch, 4)),
  field(utf8.encode(request.name)),
  field(number(request.revision, 8)),
)

const content = join([1], field(utf8.encode('{"v":1}')), field(utf8.encode(request.value)))
const record = new Uint8Array(Math.ceil(content.length / 256) * 256)
record.set(content)

const suite = new CipherSuite(KEM_MLKEM768_X25519, KDF_HKDF_SHA256, AEAD_AES_256_GCM)
const publicKey = await suite.DeserializePublicKey(Buffer.from(request.public_key, 'hex'))
const { encapsulatedSecret, ciphertext } = await suite.Seal(publicKey, record, { info })

const header = join([1], number(0x647a, 2), number(1, 2), number(2, 2), number(request.epoch, 4))
console.log(Buffer.from(join(header, encapsulatedSecret, ciphertext)).toString('hex'))
