import { JsonInput, Text } from '@mantine/core'
import { useState } from 'react'
import type { ScriptOut } from '../api/schema'
import { startRun } from '../runs/api'
import { Dialog, DialogForm } from '../ui/Dialog'
import { InputError } from '../ui/InputError'
import { fieldError } from '../ui/Problem'
import { useSubmit } from '../ui/useSubmit'
import { useScriptsChanged } from './api'

// What was given last, by script: a script is tried many times with the same.
const given = new Map<string, string>()

interface Props {
  site: string
  script: ScriptOut | null
  onClose: () => void
  onStarted: (run: string) => void
}

export function RunDialog({ site, script, onClose, onStarted }: Props) {
  return (
    <Dialog opened={script !== null} onClose={onClose} title={script ? `Run ${script.name}` : 'Run'}>
      {script && <Form site={site} script={script} onClose={onClose} onStarted={onStarted} />}
    </Dialog>
  )
}

function Form({ site, script, onClose, onStarted }: Props & { script: ScriptOut }) {
  const [text, setText] = useState(given.get(script.id) ?? '')
  const changed = useScriptsChanged(site)
  const form = useSubmit(async () => {
    const params = readParams(text)
    given.set(script.id, text)
    const run = await startRun(site, { script: script.id, params })
    changed()
    onStarted(run.id)
    onClose()
  })
  return (
    <DialogForm form={form} fields={['params']} verb="RUN" onClose={onClose}>
      <JsonInput
        label="Parameters"
        description="A JSON object, which the script finds in Params; it may stay empty."
        placeholder='{"day": "2026-11-27"}'
        autosize
        minRows={4}
        maxRows={16}
        data-autofocus
        spellCheck={false}
        value={text}
        onChange={(next) => {
          setText(next)
          form.edited('params')
        }}
        error={fieldError(form.error, 'params')}
      />
      <Text size="xs" c="dimmed">
        Parameters are stored with the run. Put no passwords there: scripts take them from Secrets.
      </Text>
    </DialogForm>
  )
}

export function readParams(text: string): Record<string, unknown> {
  if (!text.trim()) return {}
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new InputError('params', 'This is not JSON.')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new InputError('params', 'Enter an object: {"name": "value"}.')
  return value as Record<string, unknown>
}
