import { Alert, Text, TextInput } from '@mantine/core'
import { TriangleAlert } from 'lucide-react'
import { useState } from 'react'
import { ApiError } from '../api/client'
import { useAnnounce } from '../ui/Announcer'
import { Dialog, DialogForm } from '../ui/Dialog'
import { useSubmit } from '../ui/useSubmit'
import { deleteSecret, useReplaceRow, type Secret } from './api'
import { UsersList, useUsers } from './UsersList'

interface Props {
  site: string
  secret: Secret | null
  onClose: () => void
  onDeleted: (secret: Secret) => void
}

export function DeleteSecretDialog({ site, secret, onClose, onDeleted }: Props) {
  return (
    <Dialog opened={secret !== null} onClose={onClose} title={secret ? `Delete ${secret.name}?` : 'Delete'}>
      {secret && <Form site={site} secret={secret} onClose={onClose} onDeleted={onDeleted} />}
    </Dialog>
  )
}

function hiddenUsers({ used_by: count }: Secret): string {
  const known = count === 0 ? 'No script names it in its code.' : `${count} ${count === 1 ? 'script uses' : 'scripts use'} it.`
  return `${known} You may not see scripts, so they are not listed here.`
}

function Form({ site, secret, onClose, onDeleted }: Props & { secret: Secret }) {
  const users = useUsers(site, secret)
  const [typed, setTyped] = useState('')
  const announce = useAnnounce()
  const replace = useReplaceRow(site)
  // Who may not see scripts cannot be told which of them use it: the number alone says that some do.
  const hidden = users.error instanceof ApiError && users.error.status === 403
  const used = users.data?.items.some((user) => user.certain) ?? secret.used_by > 0
  const sure = (users.isSuccess || hidden) && (!used || typed === secret.name)
  const form = useSubmit(async () => {
    if (!sure) return
    await deleteSecret(site, secret, used)
    announce(`Deleted ${secret.name}.`)
    onDeleted(secret)
    replace(secret.id, null)
    onClose()
  })
  return (
    <DialogForm form={form} verb="DELETE" danger disabled={!sure} startAtCancel={!used} onClose={onClose}>
      <Text size="sm">
        It is removed for good. From then on <code>GetSecret</code> gives scripts an empty string for this name.
      </Text>
      {hidden ? <Text size="sm">{hiddenUsers(secret)}</Text> : <UsersList users={users} name={secret.name} />}
      {used && (
        <>
          <Alert color="red" variant="light" icon={<TriangleAlert aria-hidden />}>
            Change these scripts first: without the value they may do what you do not expect.
          </Alert>
          <TextInput label="To delete it all the same, type its name" description={secret.name} autoComplete="off" autoCapitalize="none" spellCheck={false} data-autofocus value={typed} onChange={(event) => setTyped(event.currentTarget.value)} />
        </>
      )}
    </DialogForm>
  )
}
