import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from '@codemirror/autocomplete'
import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands'
import { javascript, localCompletionSource } from '@codemirror/lang-javascript'
import { bracketMatching, foldGutter, foldKeymap, HighlightStyle, indentOnInput, syntaxHighlighting } from '@codemirror/language'
import { lintGutter, lintKeymap } from '@codemirror/lint'
import { highlightSelectionMatches, searchKeymap } from '@codemirror/search'
import { EditorState, type Extension } from '@codemirror/state'
import {
  crosshairCursor, drawSelection, dropCursor, EditorView, highlightActiveLine, highlightActiveLineGutter, highlightSpecialChars, keymap, lineNumbers,
  rectangularSelection,
} from '@codemirror/view'
import { tags } from '@lezer/highlight'
import { apiHover, secretCompletion, symbolCompletion } from './complete'

const nonce = () => document.querySelector<HTMLMetaElement>('meta[property=csp-nonce]')?.nonce ?? ''

// Each pair has 4.5 to 1 against the ground of its scheme.
const COLOURS = HighlightStyle.define([
  { tag: [tags.keyword, tags.operatorKeyword, tags.controlKeyword], color: 'light-dark(#7a2f9d, #d8a0f0)' },
  { tag: [tags.string, tags.special(tags.string), tags.regexp], color: 'light-dark(#17602a, #8fd19e)' },
  { tag: [tags.number, tags.bool, tags.null], color: 'light-dark(#8a3400, #f2b184)' },
  { tag: [tags.comment], color: 'light-dark(#545b62, #b0b3b8)', fontStyle: 'italic' },
  { tag: [tags.function(tags.variableName), tags.function(tags.propertyName)], color: 'light-dark(#2a378f, #a9b1f3)' },
  { tag: [tags.className, tags.typeName], color: 'light-dark(#7a4300, #e8c16f)' },
  { tag: [tags.invalid], color: 'light-dark(#a11616, #ff8787)' },
])

const LOOK = EditorView.theme({
  '&': { fontSize: '0.875rem', backgroundColor: 'var(--mantine-color-body)', color: 'var(--mantine-color-text)' },
  '&.cm-focused': { outline: '2px solid var(--focus)', outlineOffset: '-1px' },
  '.cm-scroller': { fontFamily: 'var(--mantine-font-family-monospace)', lineHeight: '1.5' },
  '.cm-content': { caretColor: 'var(--mantine-color-text)' },
  '.cm-cursor': { borderLeftColor: 'var(--mantine-color-text)' },
  '.cm-gutters': { backgroundColor: 'var(--mantine-color-default-hover)', color: 'var(--mantine-color-dimmed)', borderRightColor: 'var(--mantine-color-default-border)' },
  '.cm-activeLine': { backgroundColor: 'light-dark(rgba(76, 89, 204, 0.06), rgba(143, 152, 223, 0.08))' },
  '.cm-activeLineGutter': { backgroundColor: 'light-dark(rgba(76, 89, 204, 0.12), rgba(143, 152, 223, 0.16))' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': { backgroundColor: 'light-dark(#c9d0f7, #39427c)' },
  '.cm-tooltip, .cm-panels': { backgroundColor: 'var(--mantine-color-body)', color: 'var(--mantine-color-text)', borderColor: 'var(--mantine-color-default-border)' },
  '.cm-tooltip-autocomplete > ul > li[aria-selected]': { backgroundColor: 'var(--mantine-color-night-7)', color: '#fff' },
  '.cm-completionDetail': { color: 'inherit', opacity: 0.85 },
  '.cm-described': { maxWidth: '34rem', padding: '0.5rem', whiteSpace: 'pre-wrap' },
  '.cm-described code': { fontFamily: 'var(--mantine-font-family-monospace)', fontWeight: 700, overflowWrap: 'anywhere' },
  '.cm-described p': { margin: '0.375rem 0 0', fontFamily: 'var(--mantine-font-family)' },
  '.cm-panel input, .cm-panel button, .cm-panel .cm-button': { color: 'var(--mantine-color-text)', background: 'var(--mantine-color-default)', borderColor: 'var(--edge)' },
  '.cm-diagnosticAction': { backgroundColor: 'var(--mantine-color-night-7)', color: '#fff', borderRadius: '4px' },
  '.cm-searchMatch': { backgroundColor: 'light-dark(#fff1b8, #5c4a00)' },
})

/** What every editor and every comparison looks like. */
export const appearance: Extension = [syntaxHighlighting(COLOURS), LOOK]

/** JavaScript as it is shown where nothing is typed. */
export const shownCode: Extension = [javascript(), appearance, lineNumbers(), EditorView.lineWrapping, EditorState.readOnly.of(true)]

/** For the content security policy; has to be part of every view. */
export function styleNonce(): Extension {
  return EditorView.cspNonce.of(nonce())
}

/** An editor of scripts; `names` finds the names of secrets that hold a text. */
export function scriptEditor(names: ((text: string) => Promise<string[]>) | null): Extension {
  const sources = [symbolCompletion, localCompletionSource, ...(names ? [secretCompletion(names)] : [])]
  return [
    lineNumbers(),
    highlightActiveLineGutter(),
    highlightActiveLine(),
    highlightSpecialChars(),
    history(),
    foldGutter({ openText: '▾', closedText: '▸' }),
    drawSelection(),
    dropCursor(),
    EditorState.allowMultipleSelections.of(true),
    indentOnInput(),
    bracketMatching(),
    closeBrackets(),
    rectangularSelection(),
    crosshairCursor(),
    highlightSelectionMatches(),
    lintGutter(),
    javascript(),
    autocompletion({ override: sources, activateOnTyping: true, icons: true }),
    apiHover,
    appearance,
    keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...searchKeymap, ...historyKeymap, ...foldKeymap, ...completionKeymap, ...lintKeymap, indentWithTab]),
  ]
}
