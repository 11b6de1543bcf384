// WebAuthn with the browser's own conversion from and to JSON (https://www.w3.org/TR/webauthn-3/).
import { ApiError, send } from '../api/client'
import type { SessionOut } from '../api/schema'

/** Whether this browser, at this address, can use passkeys: they need https or localhost. */
export function canUsePasskeys(): boolean {
  return typeof PublicKeyCredential !== 'undefined' && 'parseRequestOptionsFromJSON' in PublicKeyCredential
}

export async function signInWithPasskey(): Promise<SessionOut> {
  const options = await send<PublicKeyCredentialRequestOptionsJSON>('POST', '/api/v1/session/passkey/options', {})
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options)
  const credential = await asked(navigator.credentials.get({ publicKey }))
  return send<SessionOut>('POST', '/api/v1/session/passkey', { credential: credential.toJSON() as unknown })
}

export async function addPasskey(name: string): Promise<void> {
  const options = await send<PublicKeyCredentialCreationOptionsJSON>('POST', '/api/v1/account/passkeys/options', {})
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options)
  const credential = await asked(navigator.credentials.create({ publicKey }))
  await send('POST', '/api/v1/account/passkeys', { name, credential: credential.toJSON() as unknown })
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
