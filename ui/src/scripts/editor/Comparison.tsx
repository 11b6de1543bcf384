import { MergeView, unifiedMergeView } from '@codemirror/merge'
import { EditorView } from '@codemirror/view'
import { useEffect, useRef } from 'react'
import classes from './Comparison.module.css'
import { shownCode, styleNonce } from './setup'

interface Props {
  before: string
  after: string
  /** Two columns where there is room for them. */
  wide?: boolean
  labels: [string, string]
}

/** What changed from one text to another. */
export default function Comparison({ before, after, wide, labels }: Props) {
  const place = useRef<HTMLDivElement>(null)
  useEffect(() => {
    const collapse = { margin: 3, minSize: 6 }
    const named = (label: string) => [shownCode, styleNonce(), EditorView.editable.of(false), EditorView.contentAttributes.of({ 'aria-label': label, tabindex: '0' })]
    const view = wide
      ? new MergeView({ parent: place.current!, a: { doc: before, extensions: named(labels[0]) }, b: { doc: after, extensions: named(labels[1]) }, collapseUnchanged: collapse })
      : new EditorView({
          parent: place.current!,
          doc: after,
          extensions: [named(labels[1]), unifiedMergeView({ original: before, mergeControls: false, collapseUnchanged: collapse })],
        })
    return () => view.destroy()
  }, [before, after, wide, labels[0], labels[1]])
  return <div ref={place} className={classes.place} />
}
