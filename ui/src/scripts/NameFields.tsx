import { Textarea, TextInput } from '@mantine/core'
import { fieldError } from '../ui/Problem'

export interface Names {
  name: string
  description: string
}

interface Props {
  value: Names
  onChange: (next: Names) => void
  form: { error: unknown; edited: (field: string) => void }
}

/** What a script is called, and what it is for. */
export function NameFields({ value, onChange, form }: Props) {
  return (
    <>
      <TextInput
        label="Name"
        required
        data-autofocus
        autoComplete="off"
        spellCheck={false}
        maxLength={200}
        value={value.name}
        onChange={(event) => {
          onChange({ ...value, name: event.currentTarget.value })
          form.edited('name')
        }}
        error={fieldError(form.error, 'name')}
      />
      <Textarea label="Description" autosize minRows={2} value={value.description} onChange={(event) => onChange({ ...value, description: event.currentTarget.value })} error={fieldError(form.error, 'description')} />
    </>
  )
}
