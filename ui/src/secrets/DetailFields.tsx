import { CloseButton, Stack, Textarea, TextInput } from '@mantine/core'
import { InputError } from '../ui/InputError'
import { fieldError } from '../ui/Problem'
import type { useSubmit } from '../ui/useSubmit'

export interface Details {
  description: string
  /** As the browser's field has it, local time; empty is never. */
  expires: string
}

export const DETAILS = ['description', 'expires_ms']

/** Milliseconds since the epoch, or `null` for never. @throws InputError when it has passed */
export function readExpiry(expires: string, now = Date.now()): number | null {
  if (!expires) return null
  const ms = new Date(expires).getTime()
  if (!(ms > now)) throw new InputError('expires_ms', 'This time has passed. Choose a later one, or delete the secret if nothing is to use it.')
  return ms
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
  form: Pick<ReturnType<typeof useSubmit>, 'error' | 'edited'>
  autoFocus?: boolean
}

export function DetailFields({ details, onChange, form: { error, edited }, autoFocus }: Props) {
  const expire = (expires: string) => {
    onChange({ ...details, expires })
    edited('expires_ms')
  }
  return (
    <Stack gap="md" mt={autoFocus ? 0 : 'xs'}>
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
        onChange={(event) => {
          onChange({ ...details, description: event.currentTarget.value })
          edited('description')
        }}
        error={fieldError(error, 'description')}
      />
      <TextInput
        type="datetime-local"
        name="expires_ms"
        label="Expires"
        description="Optional. From then on scripts no longer get the value."
        styles={{ wrapper: { maxWidth: 320 } }}
        max="9999-12-31T23:59"
        autoComplete="off"
        rightSection={details.expires && <CloseButton size="sm" aria-label="Never expires" onClick={() => expire('')} />}
        value={details.expires}
        onChange={(event) => expire(event.currentTarget.value)}
        error={fieldError(error, 'expires_ms')}
      />
    </Stack>
  )
}
