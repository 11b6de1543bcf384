import { Alert, Badge, Button, Text, TextInput } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, unwrap } from '../api/client'
import type { AccountOut, TotpOut } from '../api/schema'
import { useAnnounce } from '../ui/Announcer'
import { CopyLine } from '../ui/CopyLine'
import { Dialog, DialogForm } from '../ui/Dialog'
import { PasswordField } from '../ui/PasswordField'
import { fieldError, Problem } from '../ui/Problem'
import { Section } from '../ui/Section'
import { useSubmit } from '../ui/useSubmit'
import { QrCode } from './QrCode'
import { RecoveryCodes } from './RecoveryCodes'

export function TotpSection({ account }: { account: AccountOut }) {
  const [started, setStarted] = useState<TotpOut | null>(null)
  const [ending, setEnding] = useState(false)
  const { busy, error, run } = useSubmit(async () => setStarted(await unwrap(api.POST('/api/v1/account/totp'))))
  const button = account.totp ? (
    <Button variant="default" size="xs" onClick={() => setEnding(true)}>
      Switch off
    </Button>
  ) : (
    <Button variant="default" size="xs" loading={busy} onClick={() => void run()}>
      Set up
    </Button>
  )
  return (
    <Section title="Authenticator app" aside={button}>
      {account.totp ? (
        <Text size="sm" component="div">
          <Badge color="green" variant="light" mr="xs">
            On
          </Badge>
          Signing in needs a code. {codesLeft(account.recovery_codes_left)}
        </Text>
      ) : (
        <Text size="sm">Signing in needs the password alone. With an app that shows codes, a stolen password is not enough.</Text>
      )}
      <Problem error={error} />
      <Dialog opened={started !== null} onClose={() => setStarted(null)} title="Set up the authenticator app" size="lg">
        {started && <Confirm totp={started} onClose={() => setStarted(null)} />}
      </Dialog>
      <Dialog opened={ending} onClose={() => setEnding(false)} title="Switch off the authenticator app">
        {ending && <End onClose={() => setEnding(false)} />}
      </Dialog>
    </Section>
  )
}

function codesLeft(left: number): string {
  if (left === 0) return 'No recovery code is left: switch it off and set it up anew.'
  return `${left} recovery ${left === 1 ? 'code is' : 'codes are'} left.`
}

function Confirm({ totp, onClose }: { totp: TotpOut; onClose: () => void }) {
  const [code, setCode] = useState('')
  const [codes, setCodes] = useState<string[] | null>(null)
  const queries = useQueryClient()
  const form = useSubmit(async () => {
    const made = await unwrap(api.POST('/api/v1/account/totp/confirm', { body: { code: code.replace(/\s/g, '') } }))
    setCodes(made.recovery_codes)
    await queries.invalidateQueries({ queryKey: ['account'] })
  })
  if (codes) return <RecoveryCodes codes={codes} onClose={onClose} />
  return (
    <DialogForm form={form} fields={['code']} verb="Switch on" onClose={onClose}>
      <Text size="sm">1. Scan this with the app, or type the key into it.</Text>
      <QrCode text={totp.uri} label="QR code with the key for the authenticator app" />
      <CopyLine label="Key" text={totp.secret} />
      <TextInput label="2. Type the code that the app shows" required data-autofocus inputMode="numeric" autoComplete="one-time-code" maw={320} value={code} onChange={(event) => setCode(event.currentTarget.value)} error={fieldError(form.error, 'code')} />
    </DialogForm>
  )
}

function End({ onClose }: { onClose: () => void }) {
  const [password, setPassword] = useState('')
  const announce = useAnnounce()
  const queries = useQueryClient()
  const form = useSubmit(async () => {
    await unwrap(api.DELETE('/api/v1/account/totp', { body: { password } }))
    announce('The authenticator app is off.')
    await queries.invalidateQueries({ queryKey: ['account'] })
    onClose()
  })
  return (
    <DialogForm form={form} fields={['password']} verb="Switch off" danger onClose={onClose}>
      <Alert color="yellow" variant="light">
        From then on the password alone is enough to sign in. The recovery codes stop working.
      </Alert>
      <PasswordField label="Password" data-autofocus autoComplete="current-password" value={password} onChange={(event) => setPassword(event.currentTarget.value)} error={fieldError(form.error, 'password')} />
    </DialogForm>
  )
}
