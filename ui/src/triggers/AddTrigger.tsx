import { Button } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { Plus } from 'lucide-react'
import { useState } from 'react'
import { HookDialog } from './HookDialog'
import { TriggerDialog, type TriggeredScript } from './TriggerDialog'

/** The button that adds a trigger to a script, which is chosen in the dialog unless given. */
export function AddTrigger({ site, script, size }: { site: string; script?: TriggeredScript; size?: 'xs' }) {
  const [opened, { open, close }] = useDisclosure(false)
  const [hook, setHook] = useState<string | null>(null)
  return (
    <>
      <Button {...(size && { size })} leftSection={<Plus size={size ? 14 : 16} aria-hidden />} onClick={open}>
        Add trigger
      </Button>
      <TriggerDialog site={site} script={script} trigger={null} opened={opened} onClose={close} onMade={setHook} />
      <HookDialog hook={hook} onClose={() => setHook(null)} />
    </>
  )
}
