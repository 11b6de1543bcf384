import { Button, Group, Stack, Text } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { api, unwrap } from '../api/client'
import { chosenProblem, NewPassword, NOTHING_CHOSEN } from '../session/NewPassword'
import { useMe } from '../session/session'
import { useAnnounce } from '../ui/Announcer'
import { PasswordField } from '../ui/PasswordField'
import { fieldError, Problem } from '../ui/Problem'
import { Section } from '../ui/Section'
import { exactly } from '../ui/time'
import { useSubmit } from '../ui/useSubmit'

export function PasswordSection({ changed }: { changed: number }) {
  const { password: rules, admin } = useMe()
  const [opened, setOpened] = useState(false)
  const [current, setCurrent] = useState('')
  const [chosen, setChosen] = useState(NOTHING_CHOSEN)
  const [problem, setProblem] = useState<ReturnType<typeof chosenProblem>>()
  const announce = useAnnounce()
  const queries = useQueryClient()
  const close = () => {
    setOpened(false)
    setCurrent('')
    setChosen(NOTHING_CHOSEN)
    setProblem(undefined)
  }
  const { busy, error, setError, submit } = useSubmit(async () => {
    const wrong = chosenProblem(chosen, rules)
    setProblem(wrong)
    if (wrong) return
    await unwrap(api.PUT('/api/v1/account/password', { body: { current, new: chosen.password } }))
    close()
    announce('Password changed. Your other sessions have ended.')
    await Promise.all([queries.invalidateQueries({ queryKey: ['account'] }), queries.invalidateQueries({ queryKey: ['sessions'] })])
  })
  return (
    <Section
      title="Password"
      aside={
        !opened && (
          <Button variant="default" size="xs" onClick={() => setOpened(true)}>
            Change password
          </Button>
        )
      }
    >
      {!opened && <Text size="sm">Chosen {exactly(changed)}.</Text>}
      {opened && (
        <form onSubmit={submit} noValidate>
          <Stack gap="md" maw={420}>
            <input type="text" hidden readOnly autoComplete="username" value={admin.name} />
            <PasswordField label="Current password" autoFocus autoComplete="current-password" value={current} onChange={(event) => setCurrent(event.currentTarget.value)} error={fieldError(error, 'current')} />
            <NewPassword label="New password" chosen={chosen} onChange={setChosen} rules={rules} problem={problem} serverProblem={fieldError(error, 'new')} />
            <Text size="xs" c="dimmed">
              Your other sessions end.
            </Text>
            <Problem error={error} fields={['current', 'new']} />
            <Group>
              <Button type="submit" loading={busy}>
                Change password
              </Button>
              <Button
                variant="default"
                onClick={() => {
                  close()
                  setError(null)
                }}
              >
                Cancel
              </Button>
            </Group>
          </Stack>
        </form>
      )}
    </Section>
  )
}
