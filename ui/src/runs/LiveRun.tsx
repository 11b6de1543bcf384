import { Anchor, Button, Group, Text } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { CircleStop } from 'lucide-react'
import { useState } from 'react'
import { Link } from 'react-router'
import { may, useSite } from '../session/session'
import { useAnnounce } from '../ui/Announcer'
import { describe, Problem } from '../ui/Problem'
import { Time } from '../ui/Time'
import { cancelRun, hasEnded, useRun } from './api'
import { RunLog } from './RunLog'
import { cause, duration, StateBadge } from './states'

/** A run as it goes: where it stands, its log, and how to stop it. */
export function LiveRun({ site, run, linked = true }: { site: string; run: string; linked?: boolean }) {
  const query = useRun(run)
  const queries = useQueryClient()
  const announce = useAnnounce()
  const [stopping, setStopping] = useState(false)
  const info = query.data
  const mayCancel = may(useSite(site), 'runs:run')
  const cancel = async () => {
    setStopping(true)
    try {
      queries.setQueryData(['run', run], await cancelRun(run))
    } catch (error) {
      announce(`It was not cancelled. ${describe(error).title}`)
    } finally {
      setStopping(false)
    }
  }
  return (
    <>
      <Problem error={query.error} retry={() => void query.refetch()} />
      {info && (
        <Group gap="sm" mb="xs">
          <StateBadge state={info.state} />
          <Text size="sm" c="dimmed">
            {info.started_ms ? <Time ms={info.started_ms} /> : 'not started yet'}
            {info.duration_ms !== null && `, ${duration(info.duration_ms)}`}
          </Text>
          {linked && (
            <Anchor component={Link} size="sm" underline="always" to={`/sites/${site}/runs/${run}`}>
              Details
            </Anchor>
          )}
          {!hasEnded(info.state) && mayCancel && (
            <Button size="compact-sm" color="danger" leftSection={<CircleStop size={14} aria-hidden />} loading={stopping} disabled={info.cancel_requested} onClick={() => void cancel()}>
              {info.cancel_requested ? 'Stopping' : 'Cancel'}
            </Button>
          )}
          {cause(info) && (
            <Text size="sm" w="100%" style={{ overflowWrap: 'anywhere' }}>
              {cause(info)}
            </Text>
          )}
        </Group>
      )}
      <RunLog run={run} onState={() => void query.refetch()} onEnd={(last) => queries.setQueryData(['run', run], last)} />
    </>
  )
}
