import { Alert } from '@mantine/core'
import { TriangleAlert } from 'lucide-react'
import { SCRIPTS_EDIT_WARNING } from './permissions'

/** What giving scripts:edit means, where it is about to be given. */
export function ScriptsEditWarning({ role = 'status' }: { role?: 'status' | 'note' }) {
  return (
    <Alert role={role} color="yellow" variant="light" icon={<TriangleAlert aria-hidden />} py="xs">
      {SCRIPTS_EDIT_WARNING}
    </Alert>
  )
}
