import { Anchor, Button, Code, Loader, Stack, Text, TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { Link, useLocation, useNavigate } from 'react-router'
import { api, unwrap } from '../api/client'
import { fieldError, Problem } from '../ui/Problem'
import { useSubmit } from '../ui/useSubmit'
import { Narrow } from './Narrow'
import { chosenProblem, NewPassword, NOTHING_CHOSEN } from './NewPassword'
import { useNewSession, useSession } from './session'

export default function SetUpPage() {
  const { hash, pathname } = useLocation()
  const navigate = useNavigate()
  const [token, setToken] = useState(hash.slice(1))
  useEffect(() => {
    if (!hash) return
    // The token is kept here alone: not in the address, and not in the history.
    setToken(hash.slice(1))
    void navigate(pathname, { replace: true })
  }, [hash, pathname, navigate])
  return token ? <Invited key={token} token={token} /> : <WithoutLink />
}

function WithoutLink() {
  return (
    <Narrow title="Set-up link needed">
      <Text size="sm">
        Accounts are set up with a one-time link that ends in <Code>/setup#…</Code>. Open the whole link again if this page was reloaded.
      </Text>
      <Text size="sm">
        The first one is printed when the server starts. On the server, <Code>nightdrop admin setup-link</Code> makes another.
      </Text>
      <Anchor component={Link} to="/sign-in" size="sm" underline="always">
        Sign in instead
      </Anchor>
    </Narrow>
  )
}

function Invited({ token }: { token: string }) {
  const invitation = useQuery({
    queryKey: ['invitation', token],
    queryFn: () => unwrap(api.POST('/api/v1/setup/invitation', { body: { token } })),
    retry: false,
    gcTime: 0,
  })
  if (invitation.isPending) return <Narrow title="Set up your account"><Loader role="img" aria-label="Loading" /></Narrow>
  if (invitation.error) {
    return (
      <Narrow title="This link does not work">
        <Problem error={invitation.error} />
        <Anchor component={Link} to="/sign-in" size="sm" underline="always">
          Sign in instead
        </Anchor>
      </Narrow>
    )
  }
  return <Form token={token} given={invitation.data.name} />
}

function Form({ token, given }: { token: string; given: string | null }) {
  const [name, setName] = useState(given ?? '')
  const [chosen, setChosen] = useState(NOTHING_CHOSEN)
  const [problem, setProblem] = useState<ReturnType<typeof chosenProblem>>()
  const { data: session } = useSession()
  const renew = useNewSession()
  const navigate = useNavigate()
  const { busy, error, submit } = useSubmit(async () => {
    const wrong = chosenProblem(chosen, session?.password)
    setProblem(wrong)
    if (wrong) return
    renew(await unwrap(api.POST('/api/v1/setup', { body: { token, name, password: chosen.password } })))
    void navigate('/', { replace: true })
  })
  return (
    <Narrow title={given === null ? 'Make the first account' : 'Set up your account'}>
      <form onSubmit={submit} noValidate>
        <Stack gap="md">
          <Text size="sm" c="dimmed">
            {given === null ? 'It may do everything here: make sites, and accounts for others.' : 'Choose the password that only you know.'}
          </Text>
          <TextInput label="Name" required readOnly={given !== null} variant={given === null ? 'default' : 'filled'} autoFocus={given === null} autoComplete="username" autoCapitalize="none" spellCheck={false} value={name} onChange={(event) => setName(event.currentTarget.value)} error={fieldError(error, 'name')} />
          <NewPassword label="Password" chosen={chosen} onChange={setChosen} rules={session?.password} problem={problem} serverProblem={fieldError(error, 'password')} />
          <Problem error={error} fields={['name', 'password']} />
          <Button type="submit" loading={busy} fullWidth>
            Set up
          </Button>
        </Stack>
      </form>
    </Narrow>
  )
}
