import { Kbd, Table } from '@mantine/core'

/** Keys, and what each does. */
export function KeysTable({ label, keys }: { label: string; keys: [string, string][] }) {
  return (
    <Table aria-label={label}>
      <Table.Tbody>
        {keys.map(([key, text]) => (
          <Table.Tr key={key}>
            <Table.Th scope="row" w={140}>
              <Kbd>{key}</Kbd>
            </Table.Th>
            <Table.Td>{text}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  )
}
