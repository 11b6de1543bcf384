import { forceLinting, linter } from '@codemirror/lint'
import { openSearchPanel } from '@codemirror/search'
import { EditorState, Prec } from '@codemirror/state'
import { EditorView, keymap } from '@codemirror/view'
import { useEffect, useImperativeHandle, useRef, type Ref } from 'react'
import type { Check, Leak } from '../api'
import classes from './Editor.module.css'
import { diagnosticsOf } from './findings'
import { scriptEditor, styleNonce } from './setup'

const CHECK_MS = 400

export interface EditorHandle {
  code: () => string
  /** Put other code in its place, with a history that begins anew. */
  reset: (code: string) => void
  /** Put other code in its place as an edit that can be taken back. */
  replace: (code: string) => void
  focus: () => void
  /** Go to an offset in the code. */
  show: (at: number) => void
  search: () => void
  /** Look for problems now. */
  check: () => void
}

interface Props {
  handle: Ref<EditorHandle>
  label: string
  code: string
  readOnly: boolean
  names: ((text: string) => Promise<string[]>) | null
  /** Ask the server about the code. */
  onCheck: (code: string) => Promise<Check | null>
  onChange: (code: string) => void
  onMove: ((leak: Leak) => void) | null
  onSave: () => void
  onRun: () => void
  onFormat: () => void
}

/** The code of a script, in CodeMirror. It keeps its own text: what is given as `code` is only where it begins. */
export default function Editor(props: Props) {
  const place = useRef<HTMLDivElement>(null)
  const view = useRef<EditorView>(null)
  // The extensions are made once, and call what the page gave last.
  const given = useRef(props)
  useEffect(() => {
    given.current = props
  })
  useEffect(() => {
    const made = new EditorView({ parent: place.current!, state: begin(props.code, given) })
    view.current = made
    return () => made.destroy()
    // eslint-disable-next-line react-hooks/exhaustive-deps -- later code comes through the handle
  }, [])
  useImperativeHandle(props.handle, () => ({
    code: () => view.current?.state.doc.toString() ?? props.code,
    reset: (code) => view.current?.setState(begin(code, given)),
    replace: (code) => view.current?.dispatch({ changes: { from: 0, to: view.current.state.doc.length, insert: code } }),
    focus: () => view.current?.focus(),
    show: (at) => {
      view.current?.dispatch({ selection: { anchor: Math.min(at, view.current.state.doc.length) }, effects: EditorView.scrollIntoView(at, { y: 'center' }) })
      view.current?.focus()
    },
    search: () => view.current && openSearchPanel(view.current),
    check: () => view.current && forceLinting(view.current),
  }))
  return <div ref={place} className={classes.place} />
}

function begin(code: string, given: { current: Props }): EditorState {
  const now = () => given.current
  const act = (what: (props: Props) => void) => () => (what(now()), true)
  return EditorState.create({
    doc: code,
    extensions: [
      styleNonce(),
      Prec.highest(
        keymap.of([
          { key: 'Mod-s', run: act((props) => props.onSave()), preventDefault: true },
          { key: 'Mod-Enter', run: act((props) => props.onRun()), preventDefault: true },
          { key: 'Shift-Alt-f', run: act((props) => props.onFormat()), preventDefault: true },
        ]),
      ),
      scriptEditor(now().names ? (text) => now().names?.(text) ?? Promise.resolve([]) : null),
      EditorState.readOnly.of(now().readOnly),
      EditorView.contentAttributes.of({ 'aria-label': now().label, tabindex: '0' }),
      EditorView.updateListener.of((update) => update.docChanged && now().onChange(update.state.doc.toString())),
      linter(async (view) => diagnosticsOf(view.state, await now().onCheck(view.state.doc.toString()), now().onMove), { delay: CHECK_MS }),
    ],
  })
}
