import { Paper } from '@mantine/core'
import type { ReactNode } from 'react'
import classes from './List.module.css'

/** Entries of several lines with their buttons; `framed` where no section is around it. */
export function List({ children, framed }: { children: ReactNode; framed?: boolean }) {
  const list = <ul className={classes.list}>{children}</ul>
  if (!framed) return list
  return (
    <Paper withBorder px={{ base: 'sm', sm: 'lg' }} py="md">
      {list}
    </Paper>
  )
}
