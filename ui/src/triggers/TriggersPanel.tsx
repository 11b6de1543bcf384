import { Anchor, Badge, Button, Group, Stack, Switch, Text } from '@mantine/core'
import { Plus } from 'lucide-react'
import { useState } from 'react'
import { Link } from 'react-router'
import type { ScriptOut } from '../api/schema'
import { may, useSite } from '../session/session'
import { useAnnounce } from '../ui/Announcer'
import { ConfirmDialog } from '../ui/ConfirmDialog'
import { List } from '../ui/List'
import { Loaded } from '../ui/Loaded'
import { describe } from '../ui/Problem'
import { Time } from '../ui/Time'
import { changeTrigger, deleteTrigger, renewAddress, useTriggers, useTriggersChanged, type Trigger } from './api'
import { HookDialog } from './HookDialog'
import { KINDS, summary } from './summary'
import { TriggerDialog } from './TriggerDialog'

type Action = 'edit' | 'delete' | 'address'

/** What starts a script by itself. */
export function TriggersPanel({ site, script }: { site: string; script: ScriptOut }) {
  const triggers = useTriggers(site, script.id)
  const editable = may(useSite(site), 'scripts:edit')
  const changed = useTriggersChanged(site)
  const announce = useAnnounce()
  const [adding, setAdding] = useState(false)
  const [row, setRow] = useState<{ action: Action; trigger: Trigger } | null>(null)
  const [hook, setHook] = useState<string | null>(null)
  const of = (action: Action) => (row?.action === action ? row.trigger : null)
  const name = (trigger: Trigger | null) => (trigger ? trigger.name || summary(trigger) : '')
  return (
    <Stack gap="sm">
      <Group justify="space-between">
        <Text size="sm">Each trigger starts the script by itself, with rights of its own: whoever made it need not be signed in.</Text>
        {editable && (
          <Button size="xs" leftSection={<Plus size={14} aria-hidden />} onClick={() => setAdding(true)}>
            Add trigger
          </Button>
        )}
      </Group>
      <Loaded query={triggers}>
        {({ items }) =>
          items.length === 0 ? (
            <Text size="sm">Nothing starts it but people.</Text>
          ) : (
            <List framed>
              {items.map((trigger) => (
                <Row key={trigger.id} site={site} trigger={trigger} editable={editable} onAction={(action) => setRow({ action, trigger })} />
              ))}
            </List>
          )
        }
      </Loaded>
      <TriggerDialog site={site} script={script} trigger={of('edit')} opened={adding || of('edit') !== null} onClose={() => (setAdding(false), setRow(null))} onMade={setHook} />
      <HookDialog hook={hook} onClose={() => setHook(null)} />
      <ConfirmDialog
        opened={of('delete') !== null}
        title="Delete this trigger?"
        verb="DELETE"
        onClose={() => setRow(null)}
        onConfirm={async () => {
          await deleteTrigger(site, row!.trigger.id)
          await changed()
          announce('Deleted the trigger.')
        }}
      >
        {name(of('delete'))}. The runs that it started stay.
      </ConfirmDialog>
      <ConfirmDialog
        opened={of('address') !== null}
        title="Make a new address?"
        verb="MAKE"
        onClose={() => setRow(null)}
        onConfirm={async () => {
          const made = await renewAddress(site, row!.trigger.id)
          setHook(made.hook)
        }}
      >
        The old one is refused from then on.
      </ConfirmDialog>
    </Stack>
  )
}

function Row({ site, trigger, editable, onAction }: { site: string; trigger: Trigger; editable: boolean; onAction: (action: Action) => void }) {
  const changed = useTriggersChanged(site)
  const announce = useAnnounce()
  const toggle = async (enabled: boolean) => {
    try {
      await changeTrigger(site, trigger.id, { enabled })
      await changed()
    } catch (error) {
      announce(`Nothing was changed. ${describe(error).title}`)
    }
  }
  const title = trigger.name || KINDS[trigger.kind]
  return (
    <li>
      <Group justify="space-between" gap="sm">
        <Stack gap={2} flex="1 1 16rem">
          <Text fw={600} size="sm" component="div">
            {title}
            {trigger.name && (
              <Badge ml="xs" size="sm" variant="light" color="gray">
                {KINDS[trigger.kind]}
              </Badge>
            )}
          </Text>
          <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
            {summary(trigger)}
          </Text>
          <Text size="xs" c="dimmed">
            {trigger.enabled && trigger.next_ms && (
              <>
                Next <Time ms={trigger.next_ms} />.{' '}
              </>
            )}
            {trigger.last_ms ? (
              <>
                Last <Time ms={trigger.last_ms} />
                {trigger.last_run_id && (
                  <>
                    {': '}
                    <Anchor component={Link} size="xs" underline="always" to={`/sites/${site}/runs/${trigger.last_run_id}`}>
                      run
                    </Anchor>
                  </>
                )}
                .
              </>
            ) : (
              'Has not fired yet.'
            )}
            {trigger.last_ms && (
              <>
                {' '}
                <Anchor component={Link} size="xs" underline="always" to={`/sites/${site}/runs?trigger=${trigger.id}`}>
                  All its runs
                </Anchor>
              </>
            )}
          </Text>
          {trigger.problem && (
            <Text size="xs" c="var(--mantine-color-error)">
              {trigger.problem}
            </Text>
          )}
        </Stack>
        {editable && (
          <Group gap="xs">
            <Switch aria-label={`On: ${title}`} checked={trigger.enabled} onChange={(event) => void toggle(event.currentTarget.checked)} />
            {trigger.kind === 'webhook' && (
              <Button size="compact-sm" variant="default" onClick={() => onAction('address')}>
                New address
              </Button>
            )}
            <Button size="compact-sm" variant="default" aria-label={`Edit: ${title}`} onClick={() => onAction('edit')}>
              Edit
            </Button>
            <Button size="compact-sm" variant="default" aria-label={`Delete: ${title}`} onClick={() => onAction('delete')}>
              Delete
            </Button>
          </Group>
        )}
      </Group>
    </li>
  )
}
