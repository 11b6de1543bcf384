import { ActionIcon, Button, Text, Tooltip, UnstyledButton } from '@mantine/core'
import { useWindowVirtualizer, type VirtualItem } from '@tanstack/react-virtual'
import { ArrowDown, ArrowUp, ArrowUpDown, FileText, Pencil, Trash2 } from 'lucide-react'
import { useEffect, useRef, type KeyboardEvent } from 'react'
import { ago } from '../ui/time'
import { Time } from '../ui/Time'
import type { Secret, Sort } from './api'
import { Expiry } from './Expiry'
import { healthProblem } from './health'
import classes from './SecretsTable.module.css'

export type RowAction = 'value' | 'details' | 'delete' | 'users'

interface Props {
  site: string
  secrets: Secret[]
  more: boolean
  loadMore: () => void
  sort: Sort
  onSort: (sort: Sort) => void
  editable: boolean
  onAction: (action: RowAction, secret: Secret) => void
}

const ROW_PX = 49
// Fetched this many rows before they are scrolled to.
const AHEAD = 60

export function SecretsTable({ site, secrets, more, loadMore, sort, onSort, editable, onAction }: Props) {
  const place = useRef<HTMLDivElement>(null)
  const rows = useWindowVirtualizer({
    count: secrets.length,
    estimateSize: () => ROW_PX,
    overscan: 12,
    scrollMargin: place.current?.offsetTop ?? 0,
    getItemKey: (index) => secrets[index]?.id ?? index,
  })
  const items = rows.getVirtualItems()
  const last = items.at(-1)?.index ?? 0
  useEffect(() => {
    if (more && last >= secrets.length - AHEAD) loadMore()
  }, [more, last, secrets.length, loadMore])
  const above = (items[0]?.start ?? 0) - rows.options.scrollMargin
  const below = rows.getTotalSize() - ((items.at(-1)?.end ?? 0) - rows.options.scrollMargin)

  return (
    <div ref={place}>
      <table className={classes.table} aria-label={`Secrets of ${site}`} aria-rowcount={more ? -1 : secrets.length + 1}>
        <thead>
          <tr aria-rowindex={1}>
            <SortHeader label="Name" by="name" sort={sort} onSort={onSort} className={classes.name} />
            <th scope="col" className={classes.description}>
              Description
            </th>
            <SortHeader label="Updated" by="updated" sort={sort} onSort={onSort} className={classes.time} />
            <SortHeader label="Last used" by="used" sort={sort} onSort={onSort} className={classes.time} />
            <th scope="col" className={classes.users}>
              Used by
            </th>
            <th scope="col" className={classes.actions}>
              <span className={classes.hidden}>Actions</span>
            </th>
          </tr>
        </thead>
        <tbody onKeyDown={moveBetweenRows}>
          <Gap height={above} />
          {items.map((item) => (
            <Row key={item.key} item={item} secret={secrets[item.index]!} measure={rows.measureElement} editable={editable} onAction={onAction} />
          ))}
          <Gap height={below} />
        </tbody>
      </table>
    </div>
  )
}

/** Stands for the rows that are scrolled away. */
function Gap({ height }: { height: number }) {
  if (height <= 0) return null
  return (
    <tr aria-hidden className={classes.gap}>
      <td colSpan={6} style={{ height }} />
    </tr>
  )
}

interface RowProps {
  item: VirtualItem
  secret: Secret
  measure: (row: HTMLTableRowElement | null) => void
  editable: boolean
  onAction: (action: RowAction, secret: Secret) => void
}

function Row({ item, secret, measure, editable, onAction }: RowProps) {
  const problem = healthProblem(secret.health)
  return (
    <tr ref={measure} data-index={item.index} aria-rowindex={item.index + 2} data-problem={problem ? true : undefined}>
      <th scope="row" className={classes.name}>
        <span className={classes.text}>{secret.name}</span>
        {secret.expires_ms !== null && (
          <span className={classes.expiry}>
            <Expiry secret={secret} />
          </span>
        )}
        {problem && (
          <div className={classes.problem}>
            <strong>Cannot be opened.</strong> {problem}
          </div>
        )}
        <div className={classes.phone}>
          {secret.description && <div className={classes.text}>{secret.description}</div>}
          Updated {ago(secret.updated_ms)}
          {secret.last_used_ms ? `, used ${ago(secret.last_used_ms)}` : ', never used'},{' '}
          <button type="button" className={classes.link} onClick={() => onAction('users', secret)}>
            {usersLabel(secret).toLowerCase()}
          </button>
        </div>
      </th>
      <td className={classes.description}>
        <span className={classes.clamped}>{secret.description}</span>
      </td>
      <td className={classes.time}>
        <Time ms={secret.updated_ms} by={secret.updated_by} />
      </td>
      <td className={classes.time}>{secret.last_used_ms ? <Time ms={secret.last_used_ms} /> : <Text size="sm" c="dimmed">Never</Text>}</td>
      <td className={classes.users}>
        <Button variant="subtle" size="compact-sm" px={4} ml={-4} fw={400} c={secret.used_by ? 'var(--mantine-color-anchor)' : 'dimmed'} onClick={() => onAction('users', secret)} data-action="users" aria-label={`${usersLabel(secret)} using ${secret.name}`}>
          {usersLabel(secret)}
        </Button>
      </td>
      <td className={classes.actions}>
        {editable && (
          <div className={classes.buttons}>
            <RowButton label="Update value" icon={<Pencil size={17} aria-hidden />} action="value" secret={secret} onAction={onAction} />
            <RowButton label="Edit details" icon={<FileText size={17} aria-hidden />} action="details" secret={secret} onAction={onAction} />
            <RowButton label="Delete" icon={<Trash2 size={17} aria-hidden />} action="delete" secret={secret} onAction={onAction} red />
          </div>
        )}
      </td>
    </tr>
  )
}

function usersLabel({ used_by: count }: Secret): string {
  return count === 1 ? '1 script' : `${count} scripts`
}

function RowButton({ label, icon, action, secret, onAction, red }: { label: string; icon: React.ReactNode; action: RowAction; secret: Secret; onAction: Props['onAction']; red?: boolean }) {
  return (
    <Tooltip label={label}>
      <ActionIcon variant="subtle" color={red ? 'red' : 'gray'} size={36} aria-label={`${label}: ${secret.name}`} data-action={action} onClick={() => onAction(action, secret)}>
        {icon}
      </ActionIcon>
    </Tooltip>
  )
}

type Column = 'name' | 'updated' | 'used'

function SortHeader({ label, by, sort, onSort, className }: { label: string; by: Column; sort: Sort; onSort: (sort: Sort) => void; className: string | undefined }) {
  const up = sort === by
  const down = sort === `-${by}`
  const Icon = up ? ArrowUp : down ? ArrowDown : ArrowUpDown
  // Times are asked for newest first.
  const next = (up ? `-${by}` : down ? by : by === 'name' ? by : `-${by}`) as Sort
  return (
    <th scope="col" className={className} aria-sort={up ? 'ascending' : down ? 'descending' : 'none'}>
      <UnstyledButton className={classes.sort} onClick={() => onSort(next)}>
        {label} <Icon size={14} aria-hidden opacity={up || down ? 1 : 0.55} />
      </UnstyledButton>
    </th>
  )
}

/** Arrow keys go to the same button of the row above or below. */
function moveBetweenRows(event: KeyboardEvent): void {
  const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0
  const button = event.target instanceof HTMLElement ? event.target.closest<HTMLElement>('[data-action]') : null
  const row = button?.closest('tr')
  if (!step || !button || !row) return
  const index = Number(row.dataset.index) + step
  const next = row.parentElement?.querySelector<HTMLElement>(`tr[data-index="${index}"] [data-action="${button.dataset.action}"]`)
  if (!next) return
  event.preventDefault()
  next.focus()
}
