import { Stack } from '@mantine/core'
import type { PasswordRules } from '../api/schema'
import { PasswordField } from '../ui/PasswordField'

export interface Chosen {
  password: string
  again: string
}

export const NOTHING_CHOSEN: Chosen = { password: '', again: '' }

/** What is wrong before the server is asked; it also knows which passwords are common. */
export function chosenProblem(chosen: Chosen, rules: PasswordRules | undefined): { field: keyof Chosen; text: string } | undefined {
  const min = rules?.min ?? 12
  if ([...chosen.password].length < min) return { field: 'password', text: `A password needs at least ${min} characters. Several words in a row are long and easy to remember.` }
  if (chosen.password !== chosen.again) return { field: 'again', text: 'This is not the same password.' }
  return undefined
}

interface Props {
  label: string
  chosen: Chosen
  onChange: (chosen: Chosen) => void
  rules: PasswordRules | undefined
  problem: ReturnType<typeof chosenProblem>
  serverProblem: string | undefined
}

/** A password that is chosen, typed twice. */
export function NewPassword({ label, chosen, onChange, rules, problem, serverProblem }: Props) {
  return (
    <Stack gap="md">
      <PasswordField
        label={label}
        description={`At least ${rules?.min ?? 12} characters.`}
        autoComplete="new-password"
        value={chosen.password}
        onChange={(event) => onChange({ ...chosen, password: event.currentTarget.value })}
        error={problem?.field === 'password' ? problem.text : serverProblem}
      />
      <PasswordField
        label="The same again"
        autoComplete="new-password"
        value={chosen.again}
        onChange={(event) => onChange({ ...chosen, again: event.currentTarget.value })}
        error={problem?.field === 'again' ? problem.text : undefined}
      />
    </Stack>
  )
}
