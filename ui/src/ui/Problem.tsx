import { Alert, Button, Text } from '@mantine/core'
import { CircleAlert } from 'lucide-react'
import { ApiError } from '../api/client'
import { KeyError } from '../seal/identity'
import { ValueError } from '../seal/format'
import { InputError } from './InputError'

/** The sentence for a field, when the error is about that field. */
export function fieldError(error: unknown, field: string): string | undefined {
  if (error instanceof ValueError) return field === 'value' ? error.message : undefined
  if (error instanceof InputError) return field === error.field ? error.message : undefined
  if (error instanceof ApiError && error.field === field) return `${error.detail} ${error.hint}`.trim()
  return undefined
}

/** An error that belongs to none of the `fields`, which show theirs themselves. */
export function Problem({ error, fields = [], retry }: { error: unknown; fields?: string[] | undefined; retry?: () => void }) {
  if (!error || fields.some((field) => fieldError(error, field))) return null
  // KeyProblem shows it, with what to compare.
  if (error instanceof KeyError && error.failure === 'changed') return null
  const { title, hint } = describe(error)
  return (
    <Alert color="red" variant="light" icon={<CircleAlert aria-hidden />} role="alert" title={title}>
      {hint && <Text size="sm">{hint}</Text>}
      {retry && (
        <Button mt="xs" size="xs" variant="default" onClick={retry}>
          Try again
        </Button>
      )}
    </Alert>
  )
}

export function describe(error: unknown): { title: string; hint: string } {
  if (error instanceof ApiError) return { title: error.detail, hint: error.hint }
  if (error instanceof ValueError || error instanceof KeyError || error instanceof InputError) return { title: error.message, hint: '' }
  // The text of an error that is not ours may hold anything.
  return { title: 'Something in this page failed.', hint: 'Nothing was sent. Reload the page and try again.' }
}
