import { Button, Stack, Text } from '@mantine/core'
import { Dialog, DialogFooter } from '../ui/Dialog'
import type { Secret } from './api'
import { UsersList, useUsers } from './UsersList'

export function UsedByDialog({ site, secret, onClose }: { site: string; secret: Secret | null; onClose: () => void }) {
  return (
    <Dialog opened={secret !== null} onClose={onClose} title={secret ? `Used by: ${secret.name}` : 'Used by'} closeOnClickOutside>
      {secret && <Content site={site} secret={secret} onClose={onClose} />}
    </Dialog>
  )
}

function Content({ site, secret, onClose }: { site: string; secret: Secret; onClose: () => void }) {
  return (
    <Stack gap="md">
      <UsersList users={useUsers(site, secret)} name={secret.name} />
      <Text size="xs" c="dimmed">
        Read from the code of the stored scripts.
      </Text>
      <DialogFooter>
        <Button variant="default" onClick={onClose} data-autofocus>
          Close
        </Button>
      </DialogFooter>
    </Stack>
  )
}
