import { CloseButton, Group, Paper, Text } from '@mantine/core'
import { createContext, useCallback, useContext, useEffect, useState, type ReactNode } from 'react'
import classes from './Announcer.module.css'

const SHOWN_MS = 6000
const Context = createContext<(text: string) => void>(() => undefined)

/** Says what was done, to the eye and to screen readers. */
export function useAnnounce(): (text: string) => void {
  return useContext(Context)
}

export function Announcer({ children }: { children: ReactNode }) {
  const [said, setSaid] = useState<{ text: string; at: number } | null>(null)
  const say = useCallback((text: string) => setSaid({ text, at: Date.now() }), [])
  useEffect(() => {
    if (said === null) return
    const timer = setTimeout(() => setSaid(null), SHOWN_MS)
    return () => clearTimeout(timer)
  }, [said])
  return (
    <Context.Provider value={say}>
      {children}
      <div role="status" aria-live="polite" className={classes.place}>
        {said && (
          <Paper key={said.at} withBorder shadow="md" px="md" py="xs" className={classes.note}>
            <Group gap="sm" wrap="nowrap">
              <Text size="sm">{said.text}</Text>
              <CloseButton size="sm" aria-label="Dismiss" onClick={() => setSaid(null)} />
            </Group>
          </Paper>
        )}
      </div>
    </Context.Provider>
  )
}
