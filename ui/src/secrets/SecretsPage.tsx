import { Alert, Button, CloseButton, Group, Kbd, Loader, Select, Stack, Text, TextInput } from '@mantine/core'
import { useDebouncedValue, useDisclosure } from '@mantine/hooks'
import { EyeOff, Import, Plus, Search } from 'lucide-react'
import { useCallback, useMemo, useRef, useState } from 'react'
import { useParams } from 'react-router'
import { may, useSite } from '../session/session'
import { NoAccess, NoSite, Page } from '../ui/places'
import { Problem } from '../ui/Problem'
import { useShortcuts } from '../ui/shortcuts'
import { useTitle } from '../ui/useTitle'
import { AddSecretDialog } from './AddSecretDialog'
import { DeleteSecretDialog } from './DeleteSecretDialog'
import { EditDetailsDialog } from './EditDetailsDialog'
import { ImportDialog } from './ImportDialog'
import { UpdateValueDialog } from './UpdateValueDialog'
import { UsedByDialog } from './UsedByDialog'
import { useSecrets, type Secret, type Sort } from './api'
import { EmptySecrets } from './EmptySecrets'
import { SecretsTable, type RowAction } from './SecretsTable'
import classes from './SecretsPage.module.css'

const SEARCH_MS = 150
const SORTS = [
  { value: 'name', label: 'Name, A to Z' },
  { value: '-name', label: 'Name, Z to A' },
  { value: '-updated', label: 'Updated, newest first' },
  { value: 'updated', label: 'Updated, oldest first' },
  { value: '-used', label: 'Last used, newest first' },
  { value: 'used', label: 'Last used, oldest first' },
]

export function SecretsPage() {
  const { site } = useParams()
  const found = useSite(site)
  if (!found) return <NoSite />
  if (!may(found, 'secrets:view')) return <NoAccess what="secrets" permission="secrets:view" />
  return <Secrets key={found.id} site={found.name} editable={may(found, 'secrets:edit')} />
}

function Secrets({ site, editable }: { site: string; editable: boolean }) {
  useTitle(`Secrets of ${site}`)
  const [typed, setTyped] = useState('')
  const [q] = useDebouncedValue(typed, SEARCH_MS)
  const [sort, setSort] = useState<Sort>('name')
  const [adding, add] = useDisclosure(false)
  const [importing, imports] = useDisclosure(false)
  const [row, setRow] = useState<{ action: RowAction; secret: Secret } | null>(null)
  const search = useRef<HTMLInputElement>(null)
  const list = useSecrets(site, q, sort)
  const secrets = useMemo(() => list.data?.pages.flatMap((page) => page.items as Secret[]) ?? [], [list.data])
  const addButton = useRef<HTMLButtonElement>(null)
  const openAdd = () => {
    // Where the focus returns to when the dialog closes.
    addButton.current?.focus()
    add.open()
  }
  const closeRow = () => setRow(null)
  const secretFor = (action: RowAction) => (row?.action === action ? row.secret : null)
  useShortcuts([
    ['/', () => search.current?.focus()],
    ['n', () => editable && openAdd()],
  ])
  const { fetchNextPage } = list
  const loadMore = useCallback(() => void fetchNextPage({ cancelRefetch: false }), [fetchNextPage])
  const empty = list.isSuccess && secrets.length === 0

  return (
    <Page
      title="Secrets"
      aside={
        editable && (
          <Group gap="xs">
            <Button variant="default" leftSection={<Import size={16} aria-hidden />} onClick={imports.open}>
              Import
            </Button>
            <Button ref={addButton} leftSection={<Plus size={16} aria-hidden />} onClick={openAdd} aria-keyshortcuts="n">
              Add Secret
            </Button>
          </Group>
        )
      }
    >
      <Alert role="note" color="night" variant="light" icon={<EyeOff aria-hidden />} py="xs">
        Values are write-only: once saved, nobody can see them here again. Only scripts get them, with <code>GetSecret("name")</code>.
      </Alert>
      {empty && q === '' ? (
        <EmptySecrets editable={editable} onAdd={openAdd} />
      ) : (
        <Stack gap="xs">
          <Group gap="sm" align="end">
            <TextInput
              ref={search}
              type="text"
              role="searchbox"
              aria-label="Search names and descriptions"
              placeholder="Search names and descriptions"
              leftSection={<Search size={16} aria-hidden />}
              rightSection={typed ? <CloseButton size="sm" aria-label="Clear search" onClick={() => setTyped('')} /> : <Kbd size="xs" aria-hidden visibleFrom="sm">/</Kbd>}
              className={classes.search}
              autoComplete="off"
              spellCheck={false}
              value={typed}
              onChange={(event) => setTyped(event.currentTarget.value)}
              onKeyDown={(event) => event.key === 'Escape' && setTyped('')}
            />
            <Select aria-label="Sort by" hiddenFrom="sm" data={SORTS} value={sort} allowDeselect={false} onChange={(next) => next && setSort(next as Sort)} className={classes.sort} />
            <Text size="sm" c="dimmed" role="status" className={classes.count}>
              {list.isFetching && !list.isFetchingNextPage ? <Loader size="xs" aria-label="Loading" /> : count(secrets.length, list.hasNextPage)}
            </Text>
          </Group>
          <Problem error={list.error} retry={() => void list.refetch()} />
          {secrets.length > 0 && (
            <SecretsTable site={site} secrets={secrets} more={list.hasNextPage} loadMore={loadMore} sort={sort} onSort={setSort} editable={editable} onAction={(action, secret) => setRow({ action, secret })} />
          )}
          {empty && (
            <Text ta="center" py="xl">
              Nothing matches “{q}”.
            </Text>
          )}
        </Stack>
      )}
      <AddSecretDialog site={site} opened={adding} onClose={add.close} />
      <ImportDialog site={site} opened={importing} onClose={imports.close} />
      <UpdateValueDialog site={site} secret={secretFor('value')} onClose={closeRow} />
      <EditDetailsDialog site={site} secret={secretFor('details')} onClose={closeRow} />
      <UsedByDialog site={site} secret={secretFor('users')} onClose={closeRow} />
      <DeleteSecretDialog site={site} secret={secretFor('delete')} onClose={closeRow} onDeleted={() => search.current?.focus()} />
    </Page>
  )
}

function count(shown: number, more: boolean): string {
  if (shown === 0) return ''
  return `${shown.toLocaleString()}${more ? '+' : ''} ${shown === 1 ? 'secret' : 'secrets'}`
}
