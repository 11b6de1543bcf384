import { Anchor, Text } from '@mantine/core'
import { Link } from 'react-router'
import { useRuns } from './api'
import { LiveRun } from './LiveRun'

/** The run that was started here, else the newest of the script. */
export function RunPanel({ site, script, run }: { site: string; script: string; run: string | null }) {
  const runs = useRuns(site, { script_id: script })
  const newest = runs.data?.pages[0]?.items[0]
  const shown = run ?? newest?.id
  if (!shown) return <Text size="sm">{runs.isPending ? '' : 'It has not run yet.'}</Text>
  return (
    <>
      <LiveRun site={site} run={shown} />
      <Text size="sm" mt="xs">
        <Anchor component={Link} underline="always" to={`/sites/${site}/runs?script=${script}`}>
          All runs of this script
        </Anchor>
      </Text>
    </>
  )
}
