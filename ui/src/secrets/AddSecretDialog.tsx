import { Button, Group, Stack, Text, TextInput } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { ChevronDown, ChevronRight } from 'lucide-react'
import { useRef, useState, type FormEvent } from 'react'
import { ValueError } from '../seal/format'
import { useAnnounce } from '../ui/Announcer'
import { Dialog } from '../ui/Dialog'
import { fieldError, Problem } from '../ui/Problem'
import { createSecret, useReload } from './api'
import { DetailFields } from './DetailFields'
import { KeyProblem } from './KeyProblem'
import { nameProblem } from './name'
import { ValueInput } from './ValueInput'
import type { ValueHandle } from './ValueField'

export function AddSecretDialog({ site, opened, onClose }: { site: string; opened: boolean; onClose: () => void }) {
  return (
    <Dialog opened={opened} onClose={onClose} title="Add Secret" size="lg">
      <Form site={site} onClose={onClose} />
    </Dialog>
  )
}

function Form({ site, onClose }: { site: string; onClose: () => void }) {
  const value = useRef<ValueHandle>(null)
  const nameField = useRef<HTMLInputElement>(null)
  const [name, setName] = useState('')
  const [details, setDetails] = useState({ description: '', expires: '' })
  const [more, { toggle }] = useDisclosure(false)
  const [nameError, setNameError] = useState<string>()
  const [error, setError] = useState<unknown>(null)
  const [busy, setBusy] = useState(false)
  const announce = useAnnounce()
  const reload = useReload(site)

  const save = async (event: FormEvent) => {
    event.preventDefault()
    const wrong = nameProblem(name)
    setNameError(wrong)
    setError(null)
    if (wrong) return nameField.current?.focus()
    setBusy(true)
    try {
      await createSecret(site, name, value.current?.read() ?? '', details.description ? { description: details.description } : {})
      value.current?.clear()
      await reload()
      announce(`Saved ${name}.`)
      onClose()
    } catch (caught) {
      setError(caught)
      if (caught instanceof ValueError) value.current?.focus()
      if (fieldError(caught, 'name')) nameField.current?.focus()
    } finally {
      setBusy(false)
    }
  }

  return (
    <form onSubmit={(event) => void save(event)} noValidate autoComplete="off">
      <Stack gap="md">
        <TextInput
          ref={nameField}
          label="Name"
          description="Scripts use it in GetSecret. Case-sensitive; it cannot be changed later."
          placeholder="my-api-key"
          required
          data-autofocus
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          data-1p-ignore
          data-lpignore="true"
          maxLength={128}
          value={name}
          onChange={(event) => {
            setName(event.currentTarget.value)
            setNameError(undefined)
          }}
          error={nameError ?? fieldError(error, 'name')}
        />
        <ValueInput target={value} error={fieldError(error, 'value')} onEdit={() => error instanceof ValueError && setError(null)} />
        <div>
          <Button variant="subtle" size="compact-sm" px={4} leftSection={more ? <ChevronDown size={16} aria-hidden /> : <ChevronRight size={16} aria-hidden />} aria-expanded={more} onClick={toggle}>
            Description
          </Button>
          {more && <DetailFields details={details} onChange={setDetails} error={error} withExpiry={false} />}
        </div>
        <KeyProblem error={error} />
        <Problem error={error} fields={['name', 'value', 'description']} />
        <Text size="xs" c="dimmed">
          The value is encrypted in this browser. It can be overwritten or deleted, never shown again.
        </Text>
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={busy}>
            SAVE
          </Button>
        </Group>
      </Stack>
    </form>
  )
}
