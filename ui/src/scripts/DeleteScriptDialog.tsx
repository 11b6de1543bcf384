import { List as Items, Text } from '@mantine/core'
import { useAnnounce } from '../ui/Announcer'
import { Dialog, DialogForm } from '../ui/Dialog'
import { Loaded } from '../ui/Loaded'
import { useSubmit } from '../ui/useSubmit'
import type { ScriptOut } from '../api/schema'
import { useTriggers } from '../triggers/api'
import { summary } from '../triggers/summary'
import { deleteScript, useScriptsChanged } from './api'

interface Props {
  site: string
  script: ScriptOut | null
  onClose: () => void
  onDeleted: () => void
}

export function DeleteScriptDialog({ site, script, onClose, onDeleted }: Props) {
  return (
    <Dialog opened={script !== null} onClose={onClose} title={script ? `Delete ${script.name}?` : 'Delete'}>
      {script && <Form site={site} script={script} onClose={onClose} onDeleted={onDeleted} />}
    </Dialog>
  )
}

function Form({ site, script, onClose, onDeleted }: Props & { script: ScriptOut }) {
  const triggers = useTriggers(site, script.id)
  const announce = useAnnounce()
  const changed = useScriptsChanged(site)
  const form = useSubmit(async () => {
    await deleteScript(site, script.id)
    announce(`Deleted ${script.name}.`)
    onDeleted()
    changed()
    onClose()
  })
  return (
    <DialogForm form={form} verb="DELETE" danger startAtCancel disabled={triggers.isPending} onClose={onClose}>
      <Text size="sm">The script and all its versions are removed for good. Its runs and their logs stay.</Text>
      <Loaded query={triggers}>
        {({ items }) =>
          items.length === 0 ? (
            <Text size="sm">No trigger starts it.</Text>
          ) : (
            <div>
              <Text size="sm" id="stops">These triggers go with it:</Text>
              <Items size="sm" aria-labelledby="stops">
                {items.map((trigger) => (
                  <Items.Item key={trigger.id}>{trigger.name || summary(trigger)}</Items.Item>
                ))}
              </Items>
            </div>
          )
        }
      </Loaded>
    </DialogForm>
  )
}
