import { Alert, Anchor, Button, Group, Stack, Text } from '@mantine/core'
import { useDebouncedValue, useDisclosure } from '@mantine/hooks'
import { FileUp, Plus, ShieldAlert } from 'lucide-react'
import { useMemo, useRef, useState } from 'react'
import { useParams } from 'react-router'
import { may, useSite } from '../session/session'
import { NoAccess, NoSite, Page } from '../ui/places'
import { Problem } from '../ui/Problem'
import { SearchBar } from '../ui/SearchBar'
import { useShortcuts } from '../ui/shortcuts'
import { useTitle } from '../ui/useTitle'
import { useLeaks, useScripts, type Listed, type Sort } from './api'
import { DeleteScriptDialog } from './DeleteScriptDialog'
import { LeaksDialog } from './LeaksDialog'
import { NewScriptDialog } from './NewScriptDialog'
import { ScriptDetailsDialog } from './ScriptDetailsDialog'
import { ScriptsTable, type RowAction } from './ScriptsTable'
import { useClone } from './useClone'

const SEARCH_MS = 150
const SORTS: { value: Sort; label: string }[] = [
  { value: 'name', label: 'Name' },
  { value: 'updated', label: 'Changed last' },
  { value: 'ran', label: 'Ran last' },
]

export default function ScriptsPage() {
  const { site } = useParams()
  const found = useSite(site)
  useTitle('Scripts')
  if (!found) return <NoSite />
  if (!may(found, 'scripts:view')) return <NoAccess what="scripts" permission="scripts:view" />
  return <Scripts key={found.id} site={found.name} editable={may(found, 'scripts:edit')} />
}

function Scripts({ site, editable }: { site: string; editable: boolean }) {
  useTitle(`Scripts of ${site}`)
  const [typed, setTyped] = useState('')
  const [q] = useDebouncedValue(typed, SEARCH_MS)
  const [sort, setSort] = useState<Sort>('name')
  const [adding, add] = useDisclosure(false)
  const [files, setFiles] = useState<File[]>([])
  const [reporting, report] = useDisclosure(false)
  const [row, setRow] = useState<{ action: RowAction; script: Listed } | null>(null)
  const search = useRef<HTMLInputElement>(null)
  const list = useScripts(site, q, sort)
  const scripts = useMemo(() => list.data?.pages.flatMap((page) => page.items) ?? [], [list.data])
  const clone = useClone(site)
  const openAdd = () => {
    setFiles([])
    add.open()
  }
  useShortcuts([
    ['/', () => search.current?.focus()],
    ['n', () => editable && openAdd()],
  ])
  const act = (action: RowAction, script: Listed) => (action === 'clone' ? void clone(script.id) : setRow({ action, script }))
  const of = (action: RowAction) => (row?.action === action ? row.script : null)
  const empty = list.isSuccess && scripts.length === 0
  return (
    <Page title="Scripts" aside={editable && <AddButtons onAdd={openAdd} onFiles={(chosen) => (setFiles(chosen), add.open())} />}>
      <LeaksNotice site={site} onShow={report.open} />
      {empty && q === '' ? (
        <Empty editable={editable} onAdd={openAdd} />
      ) : (
        <Stack gap="xs">
          <SearchBar
            input={search}
            typed={typed}
            onTyped={setTyped}
            sorts={SORTS}
            sort={sort}
            onSort={setSort}
            loading={list.isFetching && !list.isFetchingNextPage}
            count={scripts.length}
            more={list.hasNextPage}
            noun="script"
          />
          <Problem error={list.error} retry={() => void list.refetch()} />
          {scripts.length > 0 && <ScriptsTable site={site} scripts={scripts} editable={editable} onAction={act} />}
          {list.hasNextPage && (
            <Button variant="default" loading={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()} style={{ alignSelf: 'center' }}>
              Show more
            </Button>
          )}
          {empty && (
            <Text ta="center" py="xl">
              Nothing matches “{q}”.
            </Text>
          )}
        </Stack>
      )}
      <NewScriptDialog site={site} files={files} opened={adding} onClose={add.close} />
      <ScriptDetailsDialog site={site} script={of('details')} onClose={() => setRow(null)} />
      <DeleteScriptDialog site={site} script={of('delete')} onClose={() => setRow(null)} onDeleted={() => search.current?.focus()} />
      <LeaksDialog site={site} opened={reporting} onClose={report.close} />
    </Page>
  )
}

function AddButtons({ onAdd, onFiles }: { onAdd: () => void; onFiles: (files: File[]) => void }) {
  const chooser = useRef<HTMLInputElement>(null)
  return (
    <Group gap="xs">
      <input
        ref={chooser}
        type="file"
        accept=".js,.mjs,.txt,text/javascript"
        multiple
        hidden
        aria-label="Script files"
        onChange={(event) => {
          const chosen = [...(event.currentTarget.files ?? [])]
          event.currentTarget.value = ''
          if (chosen.length) onFiles(chosen)
        }}
      />
      <Button variant="default" leftSection={<FileUp size={16} aria-hidden />} onClick={() => chooser.current?.click()}>
        Import files
      </Button>
      <Button leftSection={<Plus size={16} aria-hidden />} onClick={onAdd} aria-keyshortcuts="n">
        New script
      </Button>
    </Group>
  )
}

function LeaksNotice({ site, onShow }: { site: string; onShow: () => void }) {
  const { data } = useLeaks(site, true)
  const found = data?.items.length ?? 0
  if (!found) return null
  return (
    <Alert color="orange" variant="light" icon={<ShieldAlert aria-hidden />} py="xs" role="note" title={`${found === 1 ? 'A script has' : `${found} scripts have`} what looks like a password or key in the code.`}>
      Whoever may see these scripts sees it.{' '}
      <Anchor component="button" type="button" size="sm" underline="always" onClick={onShow}>
        Show where
      </Anchor>
    </Alert>
  )
}

function Empty({ editable, onAdd }: { editable: boolean; onAdd: () => void }) {
  return (
    <Stack align="center" ta="center" py="xl" gap="sm">
      <Text fw={600}>No scripts yet</Text>
      <Text size="sm" maw="50ch">
        A script is a small program in JavaScript that moves files and calls APIs. It takes passwords and keys from the secrets of this site.
      </Text>
      {editable ? <Button onClick={onAdd}>Write the first one</Button> : <Text size="sm">You may not add any: ask for scripts:edit.</Text>}
    </Stack>
  )
}
