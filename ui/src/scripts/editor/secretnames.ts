import { ensureSyntaxTree, syntaxTree } from '@codemirror/language'
import type { EditorState } from '@codemirror/state'
import type { SyntaxNode } from '@lezer/common'
import { textOfLiteral } from './literal'

const READERS = new Set(['GetSecret', 'HasSecret', 'RequireSecret'])
// Some 5,000 lines; what is longer is looked through as far as the editor has come with it.
const PARSE_MS = 500

export interface Named {
  name: string
  /** Where the literal stands, quotes included. */
  from: number
  to: number
}

/** The names of secrets in the code: first argument of GetSecret and its like, and what is given to `...FromSecret`. */
export function secretNames(state: EditorState): Named[] {
  const found: Named[] = []
  const tree = ensureSyntaxTree(state, state.doc.length, PARSE_MS) ?? syntaxTree(state)
  tree.iterate({
    enter(node) {
      if (node.name !== 'String' || !namesSecret(state, node.node)) return
      const name = textOfLiteral(state.sliceDoc(node.from, node.to))
      if (name) found.push({ name, from: node.from, to: node.to })
    },
  })
  return found
}

/** Whether a literal is the name of a secret. */
export function namesSecret(state: EditorState, literal: SyntaxNode): boolean {
  const parent = literal.parent
  if (parent?.name === 'ArgList') return parent.firstChild?.nextSibling?.from === literal.from && READERS.has(called(state, parent))
  if (parent?.name !== 'AssignmentExpression' || parent.lastChild?.from !== literal.from) return false
  const target = parent.firstChild?.lastChild
  return target?.name === 'PropertyName' && /(FromSecret|FileSecret)$/.test(state.sliceDoc(target.from, target.to))
}

function called(state: EditorState, args: SyntaxNode): string {
  const callee = args.prevSibling
  return callee?.name === 'VariableName' ? state.sliceDoc(callee.from, callee.to) : ''
}
