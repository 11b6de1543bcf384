import { CloseButton, Group, Kbd, Loader, Select, Text, TextInput } from '@mantine/core'
import { Search } from 'lucide-react'
import type { RefObject } from 'react'
import classes from './SearchBar.module.css'

interface Props<Sort extends string> {
  input: RefObject<HTMLInputElement | null>
  typed: string
  onTyped: (text: string) => void
  sorts: { value: Sort; label: string }[]
  sort: Sort
  onSort: (sort: Sort) => void
  /** Where the heads of the table's columns sort, only phones need a field for it. */
  sortsByHead?: boolean
  loading: boolean
  /** How many are shown, and what of. */
  count: number
  more: boolean
  noun: string
}

/** Search, order and count, above a list. */
export function SearchBar<Sort extends string>({ input, typed, onTyped, sorts, sort, onSort, sortsByHead, loading, count, more, noun }: Props<Sort>) {
  return (
    <Group gap="sm" align="end">
      <TextInput
        ref={input}
        type="text"
        role="searchbox"
        aria-label="Search names and descriptions"
        placeholder="Search names and descriptions"
        leftSection={<Search size={16} aria-hidden />}
        rightSection={typed ? <CloseButton size="sm" aria-label="Clear search" onClick={() => onTyped('')} /> : <Kbd size="xs" aria-hidden visibleFrom="sm">/</Kbd>}
        className={classes.search}
        autoComplete="off"
        spellCheck={false}
        value={typed}
        onChange={(event) => onTyped(event.currentTarget.value)}
        onKeyDown={(event) => event.key === 'Escape' && onTyped('')}
      />
      <Select aria-label="Sort by" {...(sortsByHead && { hiddenFrom: 'sm' })} data={sorts} value={sort} allowDeselect={false} onChange={(next) => next && onSort(next as Sort)} className={classes.sort} />
      <Text size="sm" c="dimmed" role="status" className={classes.count}>
        {loading ? <Loader size="xs" role="img" aria-label="Loading" /> : counted(count, more, noun)}
      </Text>
    </Group>
  )
}

function counted(shown: number, more: boolean, noun: string): string {
  if (shown === 0) return ''
  return `${shown.toLocaleString()}${more ? '+' : ''} ${noun}${shown === 1 ? '' : 's'}`
}
