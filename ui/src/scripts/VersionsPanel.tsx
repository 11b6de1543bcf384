import { Button, Group, Loader, Select, Stack, Text } from '@mantine/core'
import { lazy, Suspense, useState } from 'react'
import { useAnnounce } from '../ui/Announcer'
import { ConfirmDialog } from '../ui/ConfirmDialog'
import { Loaded } from '../ui/Loaded'
import { exactly } from '../ui/time'
import { Problem } from '../ui/Problem'
import { restoreVersion, useVersionCode, useVersions, type Opened } from './api'

const Comparison = lazy(() => import('./editor/Comparison'))

interface Props {
  site: string
  opened: Opened
  editable: boolean
  onRestored: () => Promise<void>
}

/** Every version that was saved; any two can be compared, and each restored. */
export function VersionsPanel({ site, opened, editable, onRestored }: Props) {
  const { script, tag } = opened
  const list = useVersions(site, script.id)
  const versions = list.data?.pages.flatMap((page) => page.items) ?? []
  const [before, setBefore] = useState(Math.max(1, script.version - 1))
  const [after, setAfter] = useState(script.version)
  const [restoring, setRestoring] = useState(false)
  const announce = useAnnounce()
  const options = versions.map((one) => ({ value: String(one.number), label: `${one.number}: ${exactly(one.pushed_ms)}, ${one.pushed_by}` }))
  return (
    <Stack gap="sm">
      <Problem error={list.error} retry={() => void list.refetch()} />
      <Group gap="sm" align="end">
        <Select label="From version" data={options} value={String(before)} allowDeselect={false} searchable={options.length > 12} onChange={(next) => next && setBefore(Number(next))} w={320} />
        <Select label="To version" data={options} value={String(after)} allowDeselect={false} searchable={options.length > 12} onChange={(next) => next && setAfter(Number(next))} w={320} />
        {list.hasNextPage && (
          <Button variant="default" loading={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
            Older versions
          </Button>
        )}
        {editable && before !== script.version && (
          <Button variant="default" onClick={() => setRestoring(true)}>
            Restore version {before}
          </Button>
        )}
      </Group>
      {before === after ? <Text size="sm">Choose two versions to compare.</Text> : <Between site={site} id={script.id} before={before} after={after} />}
      <ConfirmDialog
        opened={restoring}
        title={`Restore version ${before}?`}
        verb="RESTORE"
        onClose={() => setRestoring(false)}
        onConfirm={async () => {
          await restoreVersion(site, script.id, before, tag)
          await onRestored()
          announce(`Restored version ${before}.`)
        }}
      >
        Its code becomes a new version. What is in the editor and not saved is given up.
      </ConfirmDialog>
    </Stack>
  )
}

function Between({ site, id, before, after }: { site: string; id: string; before: number; after: number }) {
  const one = useVersionCode(site, id, before)
  const other = useVersionCode(site, id, after)
  return (
    <Loaded query={one}>
      {(from) => (
        <Loaded query={other}>
          {(to) =>
            from.code === to.code ? (
              <Text size="sm">They are the same.</Text>
            ) : (
              <Suspense fallback={<Loader size="sm" role="img" aria-label="Loading" />}>
                <Comparison before={from.code} after={to.code} labels={[`Version ${before}`, `Version ${after}`]} />
              </Suspense>
            )
          }
        </Loaded>
      )}
    </Loaded>
  )
}
