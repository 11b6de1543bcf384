import { ActionIcon, Anchor, Text, Tooltip, VisuallyHidden } from '@mantine/core'
import { Copy, FileText, Trash2 } from 'lucide-react'
import type { ReactNode } from 'react'
import { Link } from 'react-router'
import { StateBadge } from '../runs/states'
import { Time } from '../ui/Time'
import type { Listed } from './api'
import classes from '../ui/Table.module.css'

export type RowAction = 'details' | 'clone' | 'delete'

interface Props {
  site: string
  scripts: Listed[]
  editable: boolean
  onAction: (action: RowAction, script: Listed) => void
}

export function ScriptsTable({ site, scripts, editable, onAction }: Props) {
  return (
    <table className={classes.table} aria-label={`Scripts of ${site}`}>
      <thead>
        <tr>
          <th scope="col">Name</th>
          <th scope="col" className={classes.wide}>Changed</th>
          <th scope="col">Last run</th>
          <th scope="col">
            <VisuallyHidden>Actions</VisuallyHidden>
          </th>
        </tr>
      </thead>
      <tbody>
        {scripts.map((script) => (
          <tr key={script.id}>
            <th scope="row">
              <Anchor component={Link} to={`/sites/${site}/scripts/${script.id}`} underline="hover" fw={600}>
                {script.name}
              </Anchor>
              {script.description && (
                <Text size="xs" c="dimmed" lineClamp={2}>
                  {script.description}
                </Text>
              )}
            </th>
            <td className={classes.wide}>
              <Time ms={script.updated_ms} />
            </td>
            <td>
              <LastRun site={site} script={script} />
            </td>
            <td>
              {editable && (
                <div className={classes.actions}>
                  <RowButton label="Edit details" icon={<FileText size={17} aria-hidden />} onClick={() => onAction('details', script)} name={script.name} />
                  <RowButton label="Clone" icon={<Copy size={17} aria-hidden />} onClick={() => onAction('clone', script)} name={script.name} />
                  <RowButton label="Delete" icon={<Trash2 size={17} aria-hidden />} onClick={() => onAction('delete', script)} name={script.name} red />
                </div>
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

function LastRun({ site, script: { last_run: run } }: { site: string; script: Listed }) {
  if (!run) return <Text size="sm" c="dimmed">Never</Text>
  return (
    <>
      <Anchor component={Link} to={`/sites/${site}/runs/${run.id}`} underline="never">
        <StateBadge state={run.state} />
      </Anchor>
      <Text size="xs" c="dimmed">
        <Time ms={run.ended_ms ?? run.created_ms} />
      </Text>
    </>
  )
}

function RowButton({ label, name, icon, onClick, red }: { label: string; name: string; icon: ReactNode; onClick: () => void; red?: boolean }) {
  return (
    <Tooltip label={label}>
      <ActionIcon variant="subtle" color={red ? 'red' : 'gray'} size={36} aria-label={`${label}: ${name}`} onClick={onClick}>
        {icon}
      </ActionIcon>
    </Tooltip>
  )
}
