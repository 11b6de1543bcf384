import { Select, Stack, Text } from '@mantine/core'
import { useState } from 'react'
import { useParams } from 'react-router'
import type { TriggerKind } from '../api/schema'
import { may, useSite } from '../session/session'
import { Loaded } from '../ui/Loaded'
import { NoAccess, NoSite, Page } from '../ui/places'
import { useTitle } from '../ui/useTitle'
import { AddTrigger } from './AddTrigger'
import { useTriggers, type Trigger } from './api'
import { KINDS } from './summary'
import { TriggersList } from './TriggersList'

const KIND_OPTIONS = Object.entries(KINDS).map(([value, label]) => ({ value, label }))

export default function TriggersPage() {
  const { site } = useParams()
  const found = useSite(site)
  useTitle('Triggers')
  if (!found) return <NoSite />
  if (!may(found, 'scripts:view')) return <NoAccess what="triggers" permission="scripts:view" />
  return <Triggers key={found.id} site={found.name} editable={may(found, 'scripts:edit')} />
}

/** What starts scripts of a site by itself. */
function Triggers({ site, editable }: { site: string; editable: boolean }) {
  useTitle(`Triggers of ${site}`)
  const [kind, setKind] = useState<TriggerKind | null>(null)
  const triggers = useTriggers(site)
  return (
    <Page title="Triggers" aside={editable && <AddTrigger site={site} />} narrow>
      <Loaded query={triggers}>
        {({ items }) =>
          items.length === 0 ? (
            <Text ta="center" py="xl">
              Nothing starts a script of this site but people.
            </Text>
          ) : (
            <Stack gap="sm">
              <Select aria-label="Kinds shown" placeholder="Any kind" clearable data={KIND_OPTIONS} value={kind} onChange={(next) => setKind(next as TriggerKind | null)} w={220} />
              <Shown site={site} triggers={items.filter((one) => !kind || one.kind === kind)} editable={editable} />
            </Stack>
          )
        }
      </Loaded>
    </Page>
  )
}

function Shown({ site, triggers, editable }: { site: string; triggers: Trigger[]; editable: boolean }) {
  if (triggers.length === 0) return <Text py="xl">No trigger is of this kind.</Text>
  const sorted = triggers.toSorted((a, b) => a.script_name.localeCompare(b.script_name) || a.created_ms - b.created_ms)
  return <TriggersList site={site} triggers={sorted} editable={editable} />
}
