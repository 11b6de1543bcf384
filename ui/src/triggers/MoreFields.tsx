import { Button, Group, JsonInput, NumberInput, Stack, Text, TextInput } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { ChevronDown, ChevronRight } from 'lucide-react'
import { fieldError } from '../ui/Problem'
import type { FieldsProps } from './form'

const MORE = ['params', 'timeout_s', 'concurrency_key', 'retries', 'backoff_s']

/** Parameters, limits and retries, which most triggers do without. */
export function MoreFields({ idempotent, typed, set, error }: FieldsProps & { idempotent: boolean }) {
  const [more, { toggle }] = useDisclosure(false)
  const shown = more || MORE.some((field) => fieldError(error, field))
  return (
    <div>
      <Button variant="subtle" size="compact-sm" px={4} ml={-4} leftSection={shown ? <ChevronDown size={16} aria-hidden /> : <ChevronRight size={16} aria-hidden />} aria-expanded={shown} onClick={toggle}>
        Parameters, limits and retries
      </Button>
      {shown && (
        <Stack gap="sm" mt="xs">
          <JsonInput label="Parameters" description="A JSON object, which the script finds in Params. No passwords: it is stored as it stands." autosize minRows={3} maxRows={12} spellCheck={false} value={typed.params} onChange={(params) => set({ params })} error={fieldError(error, 'params')} />
          <Group gap="sm" align="end" grow>
            <NumberInput label="Time limit, in seconds" placeholder="That of the site" min={1} value={typed.timeout_s ?? ''} onChange={(value) => set({ timeout_s: value === '' ? null : Number(value) })} error={fieldError(error, 'timeout_s')} />
            <TextInput label="Concurrency key" description="Of the runs with the same key one runs at a time." autoComplete="off" value={typed.concurrency_key} onChange={(event) => set({ concurrency_key: event.currentTarget.value })} error={fieldError(error, 'concurrency_key')} />
          </Group>
          {idempotent ? (
            <Group gap="sm" align="end" grow>
              <NumberInput label="Retries after a failure" min={0} max={10} value={typed.retries} onChange={(value) => set({ retries: Number(value) })} error={fieldError(error, 'retries')} />
              <NumberInput label="Seconds before the first retry" description="Each further one waits twice as long." min={1} value={typed.backoff_s} onChange={(value) => set({ backoff_s: Number(value) })} error={fieldError(error, 'backoff_s')} />
            </Group>
          ) : (
            <Text size="sm" c="dimmed">
              A failed run is tried again only when the details of the script say that running it twice does no harm.
            </Text>
          )}
        </Stack>
      )}
    </div>
  )
}
