import type { Diagnostic } from '@codemirror/lint'
import type { EditorState } from '@codemirror/state'
import type { EditorView } from '@codemirror/view'
import type { Check, Leak } from '../api'
import { secretNames } from './secretnames'
import { syntaxProblem } from './syntax'

/** The marks of a script: what is no JavaScript, what looks like a password, names of secrets that are not stored. */
export function diagnosticsOf(state: EditorState, check: Check | null, onMove: ((leak: Leak) => void) | null): Diagnostic[] {
  return [...syntaxMarks(state), ...(check?.leaks ?? []).map((leak) => leakMark(state, leak, onMove)), ...missingMarks(state, check?.missing ?? [])]
}

function syntaxMarks(state: EditorState): Diagnostic[] {
  const problem = syntaxProblem(state.doc.toString())
  if (!problem) return []
  const from = Math.min(problem.at, state.doc.length)
  return [{ from, to: Math.min(from + 1, state.doc.length), severity: 'error', message: problem.message, source: 'JavaScript' }]
}

function leakMark(state: EditorState, leak: Leak, onMove: ((leak: Leak) => void) | null): Diagnostic {
  const to = Math.min(leak.end, state.doc.length)
  const actions = onMove && leak.movable ? [{ name: 'Move to Secrets', apply: (_view: EditorView) => onMove(leak) }] : []
  return { from: Math.min(leak.start, to), to, severity: 'warning', message: `${leak.title}: whoever may see this script sees it.`, actions }
}

function missingMarks(state: EditorState, missing: string[]): Diagnostic[] {
  const wanted = new Set(missing)
  return secretNames(state)
    .filter(({ name }) => wanted.has(name))
    .map(({ name, from, to }) => ({ from, to, severity: 'warning' as const, message: `This site has no secret of the name ${name}.` }))
}
