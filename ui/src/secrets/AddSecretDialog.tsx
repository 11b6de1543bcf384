import { Button, Text, TextInput } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { ChevronDown, ChevronRight } from 'lucide-react'
import { useRef, useState } from 'react'
import { useAnnounce } from '../ui/Announcer'
import { Dialog, DialogForm } from '../ui/Dialog'
import { InputError } from '../ui/InputError'
import { fieldError } from '../ui/Problem'
import { useSubmit } from '../ui/useSubmit'
import { createSecret, useReload } from './api'
import { DetailFields, DETAILS, readExpiry } from './DetailFields'
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
  const [name, setName] = useState('')
  const [details, setDetails] = useState({ description: '', expires: '' })
  const [more, { toggle }] = useDisclosure(false)
  const announce = useAnnounce()
  const reload = useReload(site)
  const form = useSubmit(async () => {
    const wrong = nameProblem(name)
    if (wrong) throw new InputError('name', wrong)
    await createSecret(site, name, value.current?.read() ?? '', { description: details.description, expires_ms: readExpiry(details.expires) })
    value.current?.clear()
    await reload()
    announce(`Saved ${name}.`)
    onClose()
  })
  const { error, edited } = form
  const shown = more || DETAILS.some((field) => fieldError(error, field))

  return (
    <DialogForm form={form} fields={['name', 'value', ...DETAILS]} verb="SAVE" onClose={onClose}>
      <TextInput
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
          edited('name')
        }}
        error={fieldError(error, 'name')}
      />
      <ValueInput target={value} form={form} />
      <div>
        <Button variant="subtle" size="compact-sm" px={4} ml={-4} leftSection={shown ? <ChevronDown size={16} aria-hidden /> : <ChevronRight size={16} aria-hidden />} aria-expanded={shown} onClick={toggle}>
          Description and expiry
        </Button>
        {shown && <DetailFields details={details} onChange={setDetails} form={form} />}
      </div>
      <KeyProblem error={error} />
      <Text size="xs" c="dimmed">
        The value is encrypted in this browser. It can be overwritten or deleted, never shown again.
      </Text>
    </DialogForm>
  )
}
