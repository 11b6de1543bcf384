import { Anchor, Badge, Button, Group, Loader, Menu, Stack, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { ChevronDown, Copy, Download, FileText, Keyboard, Play, Save, Search, Sparkles, Trash2 } from 'lucide-react'
import { lazy, Suspense, useCallback, useEffect, useRef, useState } from 'react'
import { Link, useNavigate, useParams } from 'react-router'
import { may, useSite } from '../session/session'
import { useAnnounce } from '../ui/Announcer'
import { Loaded } from '../ui/Loaded'
import { NoAccess, NoSite, Page } from '../ui/places'
import { describe, Problem } from '../ui/Problem'
import { saveText } from '../ui/save'
import { Time } from '../ui/Time'
import { useTitle } from '../ui/useTitle'
import { checkCode, secretNamesWith, useScript, useScriptsChanged, type Check, type Leak, type Opened } from './api'
import { ConflictDialog } from './ConflictDialog'
import { DeleteScriptDialog } from './DeleteScriptDialog'
import { EditorKeysDialog } from './EditorKeysDialog'
import type { EditorHandle } from './editor/Editor'
import { Findings } from './Findings'
import { Panels, type Panel } from './Panels'
import { RunDialog } from './RunDialog'
import { ScriptDetailsDialog } from './ScriptDetailsDialog'
import { useClone } from './useClone'
import { useEditing } from './useEditing'

const Editor = lazy(() => import('./editor/Editor'))

export default function ScriptPage() {
  const { site, script } = useParams()
  const found = useSite(site)
  useTitle('Script')
  if (!found) return <NoSite />
  if (!may(found, 'scripts:view')) return <NoAccess what="scripts" permission="scripts:view" />
  return <OneScript key={`${found.id} ${script}`} site={found.name} id={script!} />
}

function OneScript({ site, id }: { site: string; id: string }) {
  const opened = useScript(site, id)
  return (
    <Loaded query={opened}>{(data) => <Workplace key={data.script.id} site={site} opened={data} reload={() => void opened.refetch()} />}</Loaded>
  )
}

/** As high as the editor that is on its way: what is below it must not move under a hand that is about to click. */
function EditorPlace({ lines }: { lines: number }) {
  return (
    <div style={{ height: `min(58vh, max(13rem, ${lines * 1.3}rem))` }}>
      <Loader size="sm" role="img" aria-label="Loading" />
    </div>
  )
}

function Workplace({ site, opened, reload }: { site: string; opened: Opened; reload: () => void }) {
  const { script } = opened
  useTitle(script.name)
  const rights = useSite(site)
  const editable = may(rights, 'scripts:edit')
  const seesSecrets = may(rights, 'secrets:view')
  const editor = useRef<EditorHandle>(null)
  const announce = useAnnounce()
  const navigate = useNavigate()
  const changed = useScriptsChanged(site)
  const clone = useClone(site)
  const [check, setCheck] = useState<Check | null>(null)
  const [panel, setPanel] = useState<Panel>('log')
  const [run, setRun] = useState<string | null>(null)
  const [starting, start] = useDisclosure(false)
  const [keys, keysDialog] = useDisclosure(false)
  const [details, detailsDialog] = useDisclosure(false)
  const [deleting, remove] = useDisclosure(false)
  const editing = useEditing({ site, opened, editor, reload })
  const { dirty, conflict, error } = editing

  const look = useCallback(
    async (code: string) => {
      try {
        const found = await checkCode(site, code)
        setCheck(found)
        return found
      } catch {
        // Marks are a help: without them the editor goes on, and saving says what is wrong.
        return null
      }
    },
    [site],
  )
  const names = useCallback((text: string) => secretNamesWith(site, text), [site])
  const move = async (leak: Leak) => {
    const name = await editing.move(leak, check?.leaks ?? [])
    if (name) {
      announce(`Moved to the secret ${name}.`)
      editor.current?.check()
    }
  }
  const runNow = async () => {
    if (dirty && !(await editing.save())) return
    start.open()
  }
  const format = async () => {
    try {
      const { formatted } = await import('./editor/format')
      editor.current?.replace(await formatted(editor.current.code()))
    } catch (caught) {
      announce(caught instanceof SyntaxError ? 'It is not formatted: it is not JavaScript yet.' : describe(caught).title)
    }
  }
  useEffect(() => {
    // Wherever the focus is on this page.
    const keydown = (event: KeyboardEvent) => {
      if (!(event.ctrlKey || event.metaKey) || event.key !== 's' || event.defaultPrevented) return
      event.preventDefault()
      if (editable) void editing.save()
    }
    window.addEventListener('keydown', keydown)
    return () => window.removeEventListener('keydown', keydown)
  })

  return (
    <Page
      title={script.name}
      above={<Anchor component={Link} to={`/sites/${site}/scripts`} size="sm" underline="hover">Scripts</Anchor>}
      aside={
        <Group gap="xs">
          {dirty && <Badge color="orange" variant="light">Not saved</Badge>}
          {editable && (
            <Button variant="default" leftSection={<Save size={16} aria-hidden />} disabled={!dirty} loading={editing.busy} onClick={() => void editing.save()} aria-keyshortcuts="Control+S">
              Save
            </Button>
          )}
          {may(rights, 'runs:run') && (
            <Button leftSection={<Play size={16} aria-hidden />} onClick={() => void runNow()} aria-keyshortcuts="Control+Enter">
              Run
            </Button>
          )}
          <Menu position="bottom-end">
            <Menu.Target>
              <Button variant="default" rightSection={<ChevronDown size={14} aria-hidden />}>
                More
              </Button>
            </Menu.Target>
            <Menu.Dropdown>
              {editable && <Menu.Item leftSection={<FileText size={16} aria-hidden />} onClick={detailsDialog.open}>Edit details</Menu.Item>}
              {editable && <Menu.Item leftSection={<Sparkles size={16} aria-hidden />} onClick={() => void format()}>Format the code</Menu.Item>}
              <Menu.Item leftSection={<Search size={16} aria-hidden />} onClick={() => editor.current?.search()}>{editable ? 'Find and replace' : 'Find'}</Menu.Item>
              <Menu.Item leftSection={<Keyboard size={16} aria-hidden />} onClick={keysDialog.open}>Keys of the editor</Menu.Item>
              <Menu.Item leftSection={<Download size={16} aria-hidden />} onClick={() => saveText(`${script.name}.js`, editor.current?.code() ?? script.code, 'text/javascript')}>Download</Menu.Item>
              {editable && <Menu.Item leftSection={<Copy size={16} aria-hidden />} onClick={() => void clone(script.id)}>Clone</Menu.Item>}
              {editable && <Menu.Item color="red" leftSection={<Trash2 size={16} aria-hidden />} onClick={remove.open}>Delete</Menu.Item>}
            </Menu.Dropdown>
          </Menu>
        </Group>
      }
    >
      <Stack gap="sm">
        <Text size="sm" c="dimmed">
          {script.description && <>{script.description} · </>}
          Version {script.version}, <Time ms={script.pushed_ms} by={script.pushed_by} /> by {script.pushed_by}
          {script.idempotent && ' · may be tried again'}
        </Text>
        <Findings check={check} busy={editing.busy} onMove={editable && may(rights, 'secrets:edit') ? move : null} onShow={(at) => editor.current?.show(at)} />
        <Problem error={error} />
        <Suspense fallback={<EditorPlace lines={script.code.split('\n').length} />}>
          <Editor
            handle={editor}
            label={`Code of ${script.name}`}
            code={editing.begin}
            readOnly={!editable}
            names={seesSecrets ? names : null}
            onCheck={look}
            onChange={editing.onChange}
            onMove={editable && may(rights, 'secrets:edit') ? (leak) => void move(leak) : null}
            onSave={() => editable && void editing.save()}
            onRun={() => may(rights, 'runs:run') && void runNow()}
            onFormat={() => editable && void format()}
          />
        </Suspense>
        <Panels site={site} opened={opened} check={check} panel={panel} onPanel={setPanel} run={run} dirty={dirty} onRestored={editing.restored} />
      </Stack>
      <RunDialog site={site} script={starting ? script : null} onClose={start.close} onStarted={(id) => (setRun(id), setPanel('log'))} />
      <ConflictDialog opened={conflict !== null} theirs={conflict} mine={() => editor.current?.code() ?? ''} onTheirs={editing.takeTheirs} onMine={editing.keepMine} onClose={editing.forgetConflict} />
      <EditorKeysDialog opened={keys} onClose={keysDialog.close} />
      <ScriptDetailsDialog site={site} script={details ? script : null} onClose={detailsDialog.close} onChanged={reload} />
      <DeleteScriptDialog site={site} script={deleting ? script : null} onClose={remove.close} onDeleted={() => (editing.forget(), changed(), void navigate(`/sites/${site}/scripts`))} />
    </Page>
  )
}
