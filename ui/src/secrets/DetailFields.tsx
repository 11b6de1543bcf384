import { Stack, Textarea, TextInput } from '@mantine/core'
import { fieldError } from '../ui/Problem'

export interface Details {
  description: string
  /** As the browser's field has it, local time; empty is never. */
  expires: string
}

export function readExpiry(expires: string): number | null {
  return expires ? new Date(expires).getTime() : null
}

/** `2026-01-31T12:00` in local time, for a field of the type datetime-local. */
export function asLocal(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return ''
  const date = new Date(ms)
  return new Date(ms - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16)
}

interface Props {
  details: Details
  onChange: (details: Details) => void
  error: unknown
  autoFocus?: boolean
  withExpiry: boolean
}

export function DetailFields({ details, onChange, error, autoFocus, withExpiry }: Props) {
  return (
    <Stack gap="md" mt="xs">
      <Textarea
        label="Description"
        description="Optional. Everyone who sees this list reads it: no values here."
        autosize
        minRows={2}
        maxRows={6}
        maxLength={500}
        autoComplete="off"
        data-autofocus={autoFocus || undefined}
        value={details.description}
        onChange={(event) => onChange({ ...details, description: event.currentTarget.value })}
        error={fieldError(error, 'description')}
      />
      {withExpiry && (
      <TextInput
        type="datetime-local"
        label="Expires"
        description="Optional. From then on scripts no longer get the value."
        value={details.expires}
        onChange={(event) => onChange({ ...details, expires: event.currentTarget.value })}
        error={fieldError(error, 'expires_ms')}
      />
      )}
    </Stack>
  )
}
