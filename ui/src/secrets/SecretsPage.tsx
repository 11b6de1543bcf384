import { Alert, Button, Group, Stack, Text } from '@mantine/core'
import { useDebouncedValue, useDisclosure } from '@mantine/hooks'
import { EyeOff, Import, Plus } from 'lucide-react'
import { useCallback, useMemo, useRef, useState } from 'react'
import { useParams } from 'react-router'
import { may, useSite } from '../session/session'
import { NoAccess, NoSite, Page } from '../ui/places'
import { Problem } from '../ui/Problem'
import { SearchBar } from '../ui/SearchBar'
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

const SEARCH_MS = 150
const SORTS: { value: Sort; label: string }[] = [
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
          <SearchBar
            input={search}
            typed={typed}
            onTyped={setTyped}
            sorts={SORTS}
            sort={sort}
            onSort={setSort}
            sortsByHead
            loading={list.isFetching && !list.isFetchingNextPage}
            count={secrets.length}
            more={list.hasNextPage}
            noun="secret"
          />
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
