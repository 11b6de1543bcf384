// WebAuthn with the browser's own conversion from and to JSON (https://www.w3.org/TR/webauthn-3/).
import { api, ApiError, unwrap } from '../api/client'
import type { SessionOut } from '../api/schema'

/** Whether this browser, at this address, can use passkeys: they need https or localhost, and a name. */
export function canUsePasskeys(host = window.location.hostname): boolean {
  const isAddress = /^[\d.]+$|:/.test(host)
  return !isAddress && typeof PublicKeyCredential !== 'undefined' && 'parseRequestOptionsFromJSON' in PublicKeyCredential
}

export async function signInWithPasskey(): Promise<SessionOut> {
  const { options } = await unwrap(api.POST('/api/v1/session/passkey/options'))
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options as unknown as PublicKeyCredentialRequestOptionsJSON)
  const credential = await asked(navigator.credentials.get({ publicKey }))
  return unwrap(api.POST('/api/v1/session/passkey', { body: { credential: credential.toJSON() } }))
}

/** Make a passkey; the password shows that the owner asks. */
export async function addPasskey(name: string, password: string): Promise<void> {
  const { options } = await unwrap(api.POST('/api/v1/account/passkeys/options', { body: { password } }))
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options as unknown as PublicKeyCredentialCreationOptionsJSON)
  const credential = await asked(navigator.credentials.create({ publicKey }))
  await unwrap(api.POST('/api/v1/account/passkeys', { body: { name, credential: credential.toJSON() } }))
}

async function asked(question: Promise<Credential | null>): Promise<PublicKeyCredential> {
  try {
    const answer = await question
    if (answer instanceof PublicKeyCredential) return answer
  } catch {
    // Cancelled, timed out or refused: browsers do not tell which, on purpose.
  }
  throw new ApiError(0, 'passkey', 'The browser gave no passkey.', 'It was cancelled, took too long, or there is none for this address.')
}
