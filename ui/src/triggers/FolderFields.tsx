import { Checkbox, Group, NumberInput, TextInput } from '@mantine/core'
import { fieldError } from '../ui/Problem'
import type { FieldsProps, Typed } from './form'

const EVENTS = [
  { value: 'created', label: 'comes' },
  { value: 'changed', label: 'changes' },
  { value: 'deleted', label: 'goes' },
]

/** A directory whose files start the script. */
export function FolderFields({ typed, set, error }: FieldsProps) {
  return (
    <>
      <Group gap="sm" align="end" grow>
        <TextInput label="Directory" description="As scripts name it: of the site's own, or of its directories of the host." placeholder="incoming" autoComplete="off" spellCheck={false} value={typed.path} onChange={(event) => set({ path: event.currentTarget.value })} error={fieldError(error, 'path')} />
        <TextInput label="File names" description="Such as *.csv" autoComplete="off" spellCheck={false} value={typed.pattern} onChange={(event) => set({ pattern: event.currentTarget.value })} error={fieldError(error, 'pattern')} />
      </Group>
      <Checkbox.Group label="Run when a file" value={[...typed.events]} onChange={(events) => set({ events: events as Typed['events'] })} error={fieldError(error, 'on')}>
        <Group mt={6}>
          {EVENTS.map(({ value, label }) => (
            <Checkbox key={value} value={value} label={label} />
          ))}
        </Group>
      </Checkbox.Group>
      <Group gap="sm" align="end" grow>
        <NumberInput label="Seconds without a change" description="Before a file is taken, so that none is half written." min={0} value={typed.settle_s} onChange={(value) => set({ settle_s: Number(value) })} error={fieldError(error, 'settle_s')} />
        <NumberInput label="Seconds between two looks" min={0.2} decimalScale={1} value={typed.every_s} onChange={(value) => set({ every_s: Number(value) })} error={fieldError(error, 'every_s')} />
      </Group>
      <Checkbox label="In the directories below as well" checked={typed.recursive} onChange={(event) => set({ recursive: event.currentTarget.checked })} />
      <Checkbox label="Take the files too that are there already" checked={typed.existing} onChange={(event) => set({ existing: event.currentTarget.checked })} />
    </>
  )
}
