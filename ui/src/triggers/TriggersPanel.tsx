import { Group, Stack, Text } from '@mantine/core'
import type { ScriptOut } from '../api/schema'
import { may, useSite } from '../session/session'
import { Loaded } from '../ui/Loaded'
import { AddTrigger } from './AddTrigger'
import { useTriggers } from './api'
import { TriggersList } from './TriggersList'

/** What starts a script by itself. */
export function TriggersPanel({ site, script }: { site: string; script: ScriptOut }) {
  const triggers = useTriggers(site, script.id)
  const editable = may(useSite(site), 'scripts:edit')
  return (
    <Stack gap="sm">
      <Group justify="space-between">
        <Text size="sm">Each trigger starts the script by itself, with rights of its own: whoever made it need not be signed in.</Text>
        {editable && <AddTrigger site={site} script={script} size="xs" />}
      </Group>
      <Loaded query={triggers}>
        {({ items }) => (items.length === 0 ? <Text size="sm">Nothing starts it but people.</Text> : <TriggersList site={site} triggers={items} script={script} editable={editable} />)}
      </Loaded>
    </Stack>
  )
}
