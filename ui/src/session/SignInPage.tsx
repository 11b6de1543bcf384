import { Alert, Anchor, Button, Code, Divider, Stack, Text, TextInput } from '@mantine/core'
import { KeyRound } from 'lucide-react'
import { useEffect, useRef, useState } from 'react'
import { Navigate, useLocation, useNavigate } from 'react-router'
import { api, ApiError, unwrap } from '../api/client'
import type { SessionOut } from '../api/schema'
import { PasswordField } from '../ui/PasswordField'
import { fieldError, Problem } from '../ui/Problem'
import { useSubmit } from '../ui/useSubmit'
import { Narrow } from './Narrow'
import { canUsePasskeys, signInWithPasskey } from './passkeys'
import { useNewSession, useSession } from './session'

type Second = 'none' | 'totp' | 'recovery_code'

export default function SignInPage() {
  const { data: session } = useSession()
  const location = useLocation()
  const from = pageBefore(location.state)
  if (session?.admin) return <Navigate to={from} replace />
  return <Form session={session} from={from} />
}

/** Where one was sent here from: only ever a page of this server. */
function pageBefore(state: unknown): string {
  const from = (state as { from?: unknown } | null)?.from
  return typeof from === 'string' && /^\/(?!\/)/.test(from) ? from : '/'
}

function Form({ session, from }: { session: SessionOut | undefined; from: string }) {
  const [name, setName] = useState('')
  const [password, setPassword] = useState('')
  const [second, setSecond] = useState<Second>('none')
  const [code, setCode] = useState('')
  const codeField = useRef<HTMLInputElement>(null)
  const renew = useNewSession()
  const navigate = useNavigate()
  const enter = (next: SessionOut) => {
    renew(next)
    void navigate(from, { replace: true })
  }
  const { busy, error, setError, submit } = useSubmit(async () => {
    const body = { name, password, ...(second === 'none' ? {} : { [second]: code }) }
    enter(await unwrap(api.POST('/api/v1/session', { body })))
  })
  const passkey = useSubmit(async () => enter(await signInWithPasskey()))
  const needed = error instanceof ApiError && error.code === 'totp_needed'
  useEffect(() => {
    if (needed) setSecond('totp')
  }, [needed])
  useEffect(() => codeField.current?.focus(), [second])
  const change = (next: Second) => {
    setSecond(next)
    setCode('')
    setError(null)
  }
  return (
    <Narrow title="Sign in">
      {session?.setup_needed && (
        <Alert color="night" title="No account exists yet">
          <Text size="sm">
            Open the set-up link that the server printed at its start. On the server, <Code>nightdrop admin setup-link</Code> makes another.
          </Text>
        </Alert>
      )}
      <form onSubmit={submit} noValidate>
        <Stack gap="md">
          <TextInput label="Name" required autoFocus autoComplete="username" autoCapitalize="none" spellCheck={false} value={name} onChange={(event) => setName(event.currentTarget.value)} />
          <PasswordField label="Password" autoComplete="current-password" value={password} onChange={(event) => setPassword(event.currentTarget.value)} />
          {second !== 'none' && (
            <div>
              <TextInput
                ref={codeField}
                key={second}
                label={second === 'totp' ? 'Code of your authenticator app' : 'Recovery code'}
                description={second === 'totp' ? 'Six digits.' : 'Each of them works once.'}
                required
                autoComplete={second === 'totp' ? 'one-time-code' : 'off'}
                inputMode={second === 'totp' ? 'numeric' : 'text'}
                spellCheck={false}
                value={code}
                onChange={(event) => setCode(event.currentTarget.value)}
                error={needed ? undefined : fieldError(error, second)}
              />
              <Anchor component="button" type="button" size="sm" mt={6} underline="always" onClick={() => change(second === 'totp' ? 'recovery_code' : 'totp')}>
                {second === 'totp' ? 'Use a recovery code instead' : 'Use the authenticator app instead'}
              </Anchor>
            </div>
          )}
          <Problem error={needed ? null : error} fields={second === 'none' ? [] : [second]} />
          <Button type="submit" loading={busy} fullWidth>
            Sign in
          </Button>
        </Stack>
      </form>
      {session?.passkeys && canUsePasskeys() && (
        <>
          <Divider label="or" />
          <Button variant="default" fullWidth leftSection={<KeyRound size={16} aria-hidden />} loading={passkey.busy} onClick={() => void passkey.run()}>
            Sign in with a passkey
          </Button>
          <Problem error={passkey.error} />
        </>
      )}
    </Narrow>
  )
}
