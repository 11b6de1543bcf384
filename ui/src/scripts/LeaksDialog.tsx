import { Anchor, Button, List as Items, Stack, Text } from '@mantine/core'
import { Link } from 'react-router'
import { Dialog, DialogFooter } from '../ui/Dialog'
import { Loaded } from '../ui/Loaded'
import { useLeaks } from './api'

/** Where in the scripts of a site something like a password stands. */
export function LeaksDialog({ site, opened, onClose }: { site: string; opened: boolean; onClose: () => void }) {
  const leaks = useLeaks(site, opened)
  return (
    <Dialog opened={opened} onClose={onClose} title="Passwords and keys in scripts" size="lg">
      <Stack gap="md">
        <Text size="sm">Open a script to move what was found to Secrets: that takes it out of every version of the script.</Text>
        <Loaded query={leaks}>
          {({ items }) => (
            <Items size="sm" spacing="xs" listStyleType="none">
              {items.map((script) => (
                <Items.Item key={script.script_id}>
                  <Anchor component={Link} to={`/sites/${site}/scripts/${script.script_id}`} fw={600} underline="always">
                    {script.name}
                  </Anchor>
                  <Items size="sm">
                    {script.leaks.map((leak) => (
                      <Items.Item key={leak.start}>
                        Line {leak.line}: {leak.title}
                      </Items.Item>
                    ))}
                  </Items>
                </Items.Item>
              ))}
              {items.length === 0 && <Items.Item>Nothing was found.</Items.Item>}
            </Items>
          )}
        </Loaded>
        <DialogFooter>
          <Button variant="default" onClick={onClose}>
            Close
          </Button>
        </DialogFooter>
      </Stack>
    </Dialog>
  )
}
