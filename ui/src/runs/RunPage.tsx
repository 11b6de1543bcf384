import { Anchor, Code, Stack, Text } from '@mantine/core'
import { Fragment, type ReactNode } from 'react'
import { Link, useParams } from 'react-router'
import { may, useSite } from '../session/session'
import { Loaded } from '../ui/Loaded'
import { NoAccess, NoSite, Page } from '../ui/places'
import { exactly } from '../ui/time'
import { useTitle } from '../ui/useTitle'
import { useRun, type Run } from './api'
import { LiveRun } from './LiveRun'
import classes from './RunPage.module.css'
import { amount, duration, STATES } from './states'

export default function RunPage() {
  const { site, run } = useParams()
  const found = useSite(site)
  useTitle('Run')
  if (!found) return <NoSite />
  if (!may(found, 'runs:view')) return <NoAccess what="runs" permission="runs:view" />
  return <OneRun key={run} site={found.name} id={run!} />
}

function OneRun({ site, id }: { site: string; id: string }) {
  const query = useRun(id)
  return (
    <Loaded query={query}>
      {(run) => (
        <Page title={run.script_name ?? 'Code that is not stored'} above={<Anchor component={Link} to={`/sites/${site}/runs`} size="sm" underline="hover">Runs</Anchor>}>
          <Stack gap="sm">
            <Facts site={site} run={run} />
            <LiveRun site={site} run={id} linked={false} />
          </Stack>
        </Page>
      )}
    </Loaded>
  )
}

function Facts({ site, run }: { site: string; run: Run }) {
  const facts: [string, ReactNode][] = [
    ['State', `${STATES[run.state].label}. ${STATES[run.state].meaning}`],
    ['Started by', run.created_by],
    ['Queued', exactly(run.created_ms)],
  ]
  if (run.started_ms) facts.push(['Started', exactly(run.started_ms)])
  if (run.duration_ms !== null) facts.push(['Took', duration(run.duration_ms)])
  if (run.script_id) facts.push(['Script', <ScriptLink key="script" site={site} run={run} />])
  if (run.attempts > 1) facts.push(['Attempts', run.attempts])
  facts.push(['Secrets used', run.secrets_used.length ? run.secrets_used.join(', ') : 'none'])
  if (run.bytes_moved) facts.push(['Moved', amount(run.bytes_moved)])
  if (run.params && Object.keys(run.params).length) facts.push(['Parameters', <Code key="params" block className={classes.block}>{JSON.stringify(run.params, null, 2)}</Code>])
  if (run.error?.stack) facts.push(['Where', <Code key="stack" block className={classes.block}>{run.error.stack}</Code>])
  return (
    <dl className={classes.facts}>
      {facts.map(([name, value]) => (
        <Fragment key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </Fragment>
      ))}
    </dl>
  )
}

function ScriptLink({ site, run }: { site: string; run: Run }) {
  const name = `${run.script_name}, version ${run.version}`
  if (!may(useSite(site), 'scripts:view')) return <Text span size="sm">{name}</Text>
  return (
    <Anchor component={Link} size="sm" underline="always" to={`/sites/${site}/scripts/${run.script_id}`}>
      {name}
    </Anchor>
  )
}
