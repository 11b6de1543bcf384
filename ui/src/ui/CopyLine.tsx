import { Button, Text } from '@mantine/core'
import { Check, Copy } from 'lucide-react'
import { useRef, useState } from 'react'
import classes from './CopyLine.module.css'

/** Text that is made to be copied; never a secret that is stored. */
export function CopyLine({ label, text }: { label: string; text: string }) {
  const [copied, setCopied] = useState(false)
  const shown = useRef<HTMLElement>(null)
  const copy = async () => {
    setCopied(await copyText(text, shown.current))
  }
  return (
    <div>
      <Text size="sm" mb={4}>
        {label}
      </Text>
      <div className={classes.line}>
        <Text ref={shown as never} component="code" ff="monospace" size="sm" className={classes.text}>
          {text}
        </Text>
        <Button size="compact-sm" variant="default" style={{ flexShrink: 0 }} leftSection={copied ? <Check size={14} aria-hidden /> : <Copy size={14} aria-hidden />} onClick={() => void copy()}>
          {copied ? 'Copied' : 'Copy'}
        </Button>
      </div>
    </div>
  )
}

/** On plain http browsers withhold the clipboard: then the text is selected, for Ctrl+C. */
async function copyText(text: string, shown: HTMLElement | null): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    if (shown) getSelection()?.selectAllChildren(shown)
    return false
  }
}
