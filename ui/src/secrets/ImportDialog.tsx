import { Alert, Badge, Button, Checkbox, ScrollArea, Stack, Table, Text } from '@mantine/core'
import { useRef, useState, type RefObject } from 'react'
import { useAnnounce } from '../ui/Announcer'
import { Dialog, DialogFooter, DialogForm } from '../ui/Dialog'
import { InputError } from '../ui/InputError'
import { describe, fieldError } from '../ui/Problem'
import { useSubmit } from '../ui/useSubmit'
import { createSecret, findSecret, updateValue, useReload, type Secret } from './api'
import classes from './ImportDialog.module.css'
import { parseImport } from './importfile'
import { KeyProblem } from './KeyProblem'
import { ValueField, type ValueHandle } from './ValueField'

type State = 'new' | 'exists' | 'wrong' | 'writing' | 'saved' | 'skipped' | 'failed'

/** What the page shows of a row. The value is not in it: values wait in a map beside React's state. */
interface Row {
  line: number
  name: string
  bytes: number
  state: State
  text: string
  existing?: Secret
}

const LOOKUPS = 6

interface Props {
  site: string
  opened: boolean
  onClose: () => void
}

export function ImportDialog({ site, opened, onClose }: Props) {
  return (
    <Dialog opened={opened} onClose={onClose} title="Import secrets" size="xl">
      {opened && <Steps site={site} onClose={onClose} />}
    </Dialog>
  )
}

function Steps({ site, onClose }: { site: string; onClose: () => void }) {
  const values = useRef(new Map<string, string>())
  const [rows, setRows] = useState<Row[] | null>(null)
  const close = () => {
    values.current.clear()
    onClose()
  }
  if (!rows) return <Contents site={site} values={values} onRead={setRows} onClose={close} />
  return <Preview site={site} values={values} rows={rows} setRows={setRows} onClose={close} />
}

type Values = RefObject<Map<string, string>>

function Contents({ site, values, onRead, onClose }: { site: string; values: Values; onRead: (rows: Row[]) => void; onClose: () => void }) {
  const field = useRef<ValueHandle>(null)
  const form = useSubmit(async () => {
    const { rows, problem } = parseImport(field.current?.read() ?? '')
    if (problem) throw new InputError('contents', problem)
    const shown = await withExisting(site, rows.map((row) => ({ ...row, value: '', state: row.problem ? 'wrong' : 'new', text: row.problem ?? row.note ?? '' })))
    for (const row of rows) if (!row.problem) values.current.set(row.name, row.value)
    field.current?.clear()
    onRead(shown)
  })
  return (
    <DialogForm form={form} fields={['contents']} verb="Preview" onClose={onClose}>
      <Text size="sm">
        A <code>.env</code> file with a line <code>NAME=value</code> for each secret, or a JSON object such as <code>{'{"NAME": "value"}'}</code>. Nothing is written before you have seen the result of each row.
      </Text>
      <ValueField handle={field} label="Contents" hint="Paste it, or drop the file here." autoFocus error={fieldError(form.error, 'contents')} onEdit={() => form.edited('contents')} />
    </DialogForm>
  )
}

/** Ask which names are taken; the rows that are wrong are left alone. */
async function withExisting(site: string, rows: (Omit<Row, 'state'> & { state: string })[]): Promise<Row[]> {
  const result = rows as Row[]
  const waiting = result.filter((row) => row.state === 'new')
  const work = async () => {
    for (let row = waiting.pop(); row; row = waiting.pop()) {
      const existing = await findSecret(site, row.name)
      if (existing) Object.assign(row, { state: 'exists', existing })
    }
  }
  await Promise.all(Array.from({ length: LOOKUPS }, work))
  return result
}

interface PreviewProps {
  site: string
  values: Values
  rows: Row[]
  setRows: (change: (rows: Row[] | null) => Row[]) => void
  onClose: () => void
}

function Preview({ site, values, rows, setRows, onClose }: PreviewProps) {
  const [overwrite, setOverwrite] = useState(false)
  const [keyError, setKeyError] = useState<unknown>(null)
  const announce = useAnnounce()
  const reload = useReload(site)
  const done = rows.every((row) => !['new', 'exists', 'writing'].includes(row.state))
  const untouched = rows.every((row) => ['new', 'exists', 'wrong'].includes(row.state))
  const existing = rows.filter((row) => row.state === 'exists').length
  const count = rows.filter((row) => row.state === 'new').length + (overwrite ? existing : 0)
  const mark = (line: number, state: State, text = '') =>
    setRows((before) => before!.map((row) => (row.line === line ? { ...row, state, text } : row)))

  const { busy, run } = useSubmit(async () => {
    setKeyError(null)
    let saved = 0
    for (const row of rows) {
      if (row.state === 'exists' && !overwrite) mark(row.line, 'skipped', 'There already; left as it is.')
      if (row.state !== 'new' && !(row.state === 'exists' && overwrite)) continue
      mark(row.line, 'writing')
      try {
        const value = values.current.get(row.name) ?? ''
        await (row.existing ? updateValue(site, row.existing, value) : createSecret(site, row.name, value))
        mark(row.line, 'saved')
        saved++
      } catch (error) {
        setKeyError(error)
        mark(row.line, 'failed', `${describe(error).title} ${describe(error).hint}`.trim())
      }
      values.current.delete(row.name)
    }
    values.current.clear()
    await reload()
    announce(`Imported ${saved} of ${rows.length} rows.`)
  })

  return (
    <Stack gap="md">
      <ScrollArea.Autosize mah="50dvh" type="auto" viewportProps={{ tabIndex: 0, role: 'group', 'aria-label': 'Rows to import' }}>
        <Table className={classes.table} stickyHeader aria-label="Rows to import">
          <Table.Thead>
            <Table.Tr>
              <Table.Th className={classes.line}>Row</Table.Th>
              <Table.Th>Name</Table.Th>
              <Table.Th className={classes.size}>Size</Table.Th>
              <Table.Th>Result</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {rows.map((row) => (
              <Table.Tr key={row.line}>
                <Table.Td className={classes.line}>{row.line}</Table.Td>
                <Table.Td className={classes.name}>{row.name || '—'}</Table.Td>
                <Table.Td className={classes.size}>{row.bytes ? `${row.bytes.toLocaleString()} B` : ''}</Table.Td>
                <Table.Td>
                  <Result row={row} overwrite={overwrite} />
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </ScrollArea.Autosize>
      {existing > 0 && !done && (
        <Checkbox checked={overwrite} disabled={busy} onChange={(event) => setOverwrite(event.currentTarget.checked)} label={`Overwrite the ${existing === 1 ? 'one' : existing} that ${existing === 1 ? 'exists' : 'exist'} already`} description={`What ${existing === 1 ? 'it holds' : 'they hold'} now is gone at once and for good.`} />
      )}
      <KeyProblem error={keyError} />
      {untouched && count === 0 && <Alert color="yellow" variant="light">No row can be imported as it is.</Alert>}
      <DialogFooter>
        <Button variant="default" onClick={onClose} disabled={busy}>
          {done ? 'Close' : 'Cancel'}
        </Button>
        {!done && (
          <Button onClick={() => void run()} loading={busy} disabled={count === 0} data-autofocus>
            IMPORT {count}
          </Button>
        )}
      </DialogFooter>
    </Stack>
  )
}

function Result({ row, overwrite }: { row: Row; overwrite: boolean }) {
  const [label, color] = labelOf(row.state, overwrite)
  return (
    <>
      <Badge variant="light" color={color} size="sm">
        {label}
      </Badge>
      {row.text && (
        <Text size="xs" mt={2}>
          {row.text}
        </Text>
      )}
    </>
  )
}

function labelOf(state: State, overwrite: boolean): [string, string] {
  switch (state) {
    case 'new':
      return ['New', 'green']
    case 'exists':
      return overwrite ? ['Overwrites', 'orange'] : ['Exists, skipped', 'gray']
    case 'wrong':
      return ['Cannot be imported', 'red']
    case 'writing':
      return ['Writing', 'night']
    case 'saved':
      return ['Saved', 'green']
    case 'skipped':
      return ['Skipped', 'gray']
    case 'failed':
      return ['Failed', 'red']
  }
}
