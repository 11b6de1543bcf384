import { NumberInput, Select, TextInput } from '@mantine/core'
import { useState } from 'react'
import type { NewTrigger, ScriptOut } from '../api/schema'
import { readParams } from '../scripts/RunDialog'
import { useAnnounce } from '../ui/Announcer'
import { Dialog, DialogForm } from '../ui/Dialog'
import { InputError } from '../ui/InputError'
import { fieldError } from '../ui/Problem'
import { useSubmit } from '../ui/useSubmit'
import { AfterFields } from './AfterFields'
import { changeTrigger, createTrigger, useTriggersChanged, type Trigger } from './api'
import { FIELDS, fresh, typedOf, type Typed } from './form'
import { FolderFields } from './FolderFields'
import { MoreFields } from './MoreFields'
import { NotifyFields } from './NotifyFields'
import { ScheduleFields } from './ScheduleFields'
import { ScriptSelect } from './ScriptSelect'
import { KINDS } from './summary'

const ANSWERS = [
  { value: 'run', label: 'At once, with the id of the run' },
  { value: 'script', label: 'What the script gives Respond(status, body)' },
]

export type TriggeredScript = Pick<ScriptOut, 'id' | 'idempotent'>

interface Props {
  site: string
  /** What it starts; chosen here when there is none. */
  script: TriggeredScript | undefined
  /** The one to change; else one is made. */
  trigger: Trigger | null
  opened: boolean
  onClose: () => void
  /** Takes the address of a webhook, if one was made. */
  onMade: (hook: string | null) => void
}

export function TriggerDialog({ opened, onClose, ...rest }: Props) {
  return (
    <Dialog opened={opened} onClose={onClose} title={rest.trigger ? 'Edit trigger' : 'Add trigger'} size="lg">
      {opened && <Form opened onClose={onClose} {...rest} />}
    </Dialog>
  )
}

function Form({ site, script: given, trigger, onClose, onMade }: Props) {
  const [script, setScript] = useState(given)
  const [typed, setTyped] = useState<Typed>(() => (trigger ? typedOf(trigger) : fresh()))
  const announce = useAnnounce()
  const changed = useTriggersChanged(site)
  const set = (change: Partial<Typed>) => {
    setTyped((before) => ({ ...before, ...change }))
    for (const field of Object.keys(change)) form.edited(field)
  }
  const form = useSubmit(async () => {
    const settings = { ...FIELDS[typed.kind](typed), params: readParams(typed.params), timeout_s: typed.timeout_s, concurrency_key: typed.concurrency_key || null, retries: typed.retries, backoff_s: typed.backoff_s }
    if (!trigger && !script) throw new InputError('script_id', 'Choose the script that it starts.')
    if (trigger) await changeTrigger(site, trigger.id, { name: typed.name, settings })
    else {
      const made = await createTrigger(site, { script: script!.id, name: typed.name, settings: { kind: typed.kind, ...settings } as NewTrigger['settings'], enabled: true })
      onMade(made.hook)
    }
    await changed()
    announce('Saved the trigger.')
    onClose()
  })
  const shared = { typed, set, error: form.error }
  return (
    <DialogForm form={form} fields={['script_id', ...Object.keys(typed)]} verb="SAVE" onClose={onClose}>
      {!trigger && !given && (
        <ScriptSelect
          site={site}
          chosen={script}
          onChoose={(chosen) => {
            setScript(chosen)
            form.edited('script_id')
          }}
          error={fieldError(form.error, 'script_id')}
        />
      )}
      {!trigger && <Select label="Kind" data={Object.entries(KINDS).map(([value, label]) => ({ value, label }))} value={typed.kind} allowDeselect={false} data-autofocus={given ? true : undefined} onChange={(kind) => kind && set({ kind: kind as Typed['kind'] })} />}
      {typed.kind === 'schedule' && <ScheduleFields site={site} {...shared} />}
      {typed.kind === 'after' && <AfterFields site={site} self={trigger?.script_id ?? script?.id} {...shared} />}
      {typed.kind === 'folder' && <FolderFields {...shared} />}
      {typed.kind === 'notify' && <NotifyFields {...shared} />}
      {typed.kind === 'webhook' && (
        <>
          <NumberInput label="Requests a minute" description="More are refused." min={1} max={60000} value={typed.per_minute} onChange={(value) => set({ per_minute: Number(value) })} error={fieldError(form.error, 'per_minute')} />
          <NumberInput label="Largest body, in kB" min={0} max={192} value={typed.max_body_kb} onChange={(value) => set({ max_body_kb: Number(value) })} error={fieldError(form.error, 'max_body')} />
          <Select label="Answer" data={ANSWERS} value={typed.answer} allowDeselect={false} onChange={(answer) => answer && set({ answer: answer as Typed['answer'] })} />
          {typed.answer === 'script' && <NumberInput label="Seconds to wait for it" min={1} max={60} value={typed.wait_s} onChange={(value) => set({ wait_s: Number(value) })} error={fieldError(form.error, 'wait_s')} />}
          <TextInput label="Secret that signs requests" description="Its name, when the sender signs with one, as GitHub does; others are then refused." autoComplete="off" spellCheck={false} value={typed.signed_by} onChange={(event) => set({ signed_by: event.currentTarget.value })} error={fieldError(form.error, 'signed_by')} />
          {typed.signed_by && <TextInput label="Header with the signature" autoComplete="off" spellCheck={false} value={typed.signature_header} onChange={(event) => set({ signature_header: event.currentTarget.value })} error={fieldError(form.error, 'signature_header')} />}
        </>
      )}
      <TextInput label="Name" description="For people; it may stay empty." autoComplete="off" maxLength={200} value={typed.name} onChange={(event) => set({ name: event.currentTarget.value })} error={fieldError(form.error, 'name')} />
      {typed.kind !== 'notify' && <MoreFields idempotent={script?.idempotent ?? true} {...shared} />}
    </DialogForm>
  )
}

