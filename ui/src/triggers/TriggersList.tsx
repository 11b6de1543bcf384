import { Anchor, Badge, Button, Group, Stack, Switch, Text } from '@mantine/core'
import { useState } from 'react'
import { Link } from 'react-router'
import { useAnnounce } from '../ui/Announcer'
import { ConfirmDialog } from '../ui/ConfirmDialog'
import { List } from '../ui/List'
import { describe } from '../ui/Problem'
import { Time } from '../ui/Time'
import { changeTrigger, deleteTrigger, renewAddress, useTriggersChanged, type Trigger } from './api'
import { HookDialog } from './HookDialog'
import { KINDS, summary } from './summary'
import { TriggerDialog, type TriggeredScript } from './TriggerDialog'

type Action = 'edit' | 'delete' | 'address'

interface Props {
  site: string
  triggers: Trigger[]
  /** The one that they all belong to; else each says which. */
  script?: TriggeredScript
  editable: boolean
}

/** Triggers with what can be done to each. */
export function TriggersList({ site, triggers, script, editable }: Props) {
  const changed = useTriggersChanged(site)
  const announce = useAnnounce()
  const [row, setRow] = useState<{ action: Action; trigger: Trigger } | null>(null)
  const [hook, setHook] = useState<string | null>(null)
  const of = (action: Action) => (row?.action === action ? row.trigger : null)
  const name = (trigger: Trigger | null) => (trigger ? trigger.name || summary(trigger) : '')
  return (
    <>
      <List framed>
        {triggers.map((trigger) => (
          <Row key={trigger.id} site={site} trigger={trigger} named={!script} editable={editable} onAction={(action) => setRow({ action, trigger })} />
        ))}
      </List>
      <TriggerDialog site={site} script={script} trigger={of('edit')} opened={of('edit') !== null} onClose={() => setRow(null)} onMade={setHook} />
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
    </>
  )
}

function Row({ site, trigger, named, editable, onAction }: { site: string; trigger: Trigger; named: boolean; editable: boolean; onAction: (action: Action) => void }) {
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
            {named && (
              <>
                <Anchor component={Link} underline="always" to={`/sites/${site}/scripts/${trigger.script_id}`}>
                  {trigger.script_name}
                </Anchor>
                {': '}
              </>
            )}
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
