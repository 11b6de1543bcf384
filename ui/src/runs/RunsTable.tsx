import { Anchor, Text } from '@mantine/core'
import { Link } from 'react-router'
import { Time } from '../ui/Time'
import classes from '../ui/Table.module.css'
import type { Run } from './api'
import { amount, cause, duration, StateBadge } from './states'

export function RunsTable({ site, runs }: { site: string; runs: Run[] }) {
  return (
    <table className={classes.table} aria-label={`Runs of ${site}`}>
      <thead>
        <tr>
          <th scope="col">Run</th>
          <th scope="col">State</th>
          <th scope="col" className={classes.wide}>Started by</th>
          <th scope="col" className={classes.wide}>Took</th>
          <th scope="col" className={classes.wide}>Moved</th>
          <th scope="col" className={classes.wide}>Secrets used</th>
        </tr>
      </thead>
      <tbody>
        {runs.map((run) => (
          <tr key={run.id}>
            <th scope="row">
              <Anchor component={Link} to={`/sites/${site}/runs/${run.id}`} underline="hover" fw={600}>
                {run.script_name ?? 'Code that is not stored'}
              </Anchor>
              <Text size="xs" c="dimmed">
                <Time ms={run.created_ms} />
                {run.version !== null && `, version ${run.version}`}
              </Text>
            </th>
            <td>
              <StateBadge state={run.state} />
              {cause(run) && (
                <Text size="xs" c="dimmed" lineClamp={2} className={classes.cause}>
                  {cause(run)}
                </Text>
              )}
            </td>
            <td className={classes.wide}>{run.created_by}</td>
            <td className={classes.wide}>{run.duration_ms === null ? '' : duration(run.duration_ms)}</td>
            <td className={classes.wide}>{run.bytes_moved ? amount(run.bytes_moved) : ''}</td>
            <td className={classes.wide}>{run.secrets_used.join(', ')}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
