import { Tabs, Text } from '@mantine/core'
import { RunPanel } from '../runs/RunPanel'
import { may, useSite } from '../session/session'
import { TriggersPanel } from '../triggers/TriggersPanel'
import type { Check, Opened } from './api'
import { SecretsPanel } from './SecretsPanel'
import { VersionsPanel } from './VersionsPanel'

export type Panel = 'log' | 'runs' | 'secrets' | 'triggers' | 'versions'

interface Props {
  site: string
  opened: Opened
  check: Check | null
  panel: Panel
  onPanel: (panel: Panel) => void
  run: string | null
  dirty: boolean
  onRestored: () => Promise<void>
}

/** What belongs to a script besides its code. */
export function Panels({ site, opened, check, panel, onPanel, run, dirty, onRestored }: Props) {
  const rights = useSite(site)
  const seesRuns = may(rights, 'runs:view')
  const { script } = opened
  return (
    <Tabs value={panel} onChange={(next) => onPanel(next as Panel)} keepMounted={false}>
      <Tabs.List aria-label="About this script">
        <Tabs.Tab value="log">Log</Tabs.Tab>
        <Tabs.Tab value="triggers">Triggers</Tabs.Tab>
        <Tabs.Tab value="secrets">Secrets</Tabs.Tab>
        <Tabs.Tab value="versions">Versions</Tabs.Tab>
      </Tabs.List>
      <Tabs.Panel value="log" pt="sm">
        {seesRuns ? <RunPanel site={site} script={script.id} run={run} /> : <Text size="sm">You may not see runs: ask for runs:view.</Text>}
      </Tabs.Panel>
      <Tabs.Panel value="triggers" pt="sm">
        <TriggersPanel site={site} script={script} />
      </Tabs.Panel>
      <Tabs.Panel value="secrets" pt="sm">
        <SecretsPanel site={site} script={script} check={check} dirty={dirty} />
      </Tabs.Panel>
      <Tabs.Panel value="versions" pt="sm">
        <VersionsPanel site={site} opened={opened} editable={may(rights, 'scripts:edit')} onRestored={onRestored} />
      </Tabs.Panel>
    </Tabs>
  )
}
