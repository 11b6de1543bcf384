import type { Completion, CompletionContext, CompletionResult, CompletionSource } from '@codemirror/autocomplete'
import { syntaxTree } from '@codemirror/language'
import { hoverTooltip, type EditorView, type Tooltip } from '@codemirror/view'
import { namesSecret } from './secretnames'
import { membersNamed, symbolNamed, SYMBOLS, type Symbol } from './symbols'

const ICONS: Record<Symbol['kind'], string> = {
  function: 'function', class: 'class', interface: 'interface', variable: 'variable', constant: 'constant', property: 'property', method: 'method',
}
const GLOBALS = SYMBOLS.filter((one) => one.kind !== 'interface').map(asCompletion)

/** Names of the script API: globals, and the members of what stands before a dot as far as that can be told. */
export const symbolCompletion: CompletionSource = (context) => {
  const node = syntaxTree(context.state).resolveInner(context.pos, -1)
  if (/String|Comment|TemplateString/.test(node.name)) return null
  const member = context.matchBefore(/\.\w*$/)
  if (member) return { from: member.from + 1, options: membersBefore(context, member.from), validFor: /^\w*$/ }
  const word = context.matchBefore(/\w+$/)
  if (!word && !context.explicit) return null
  return { from: word?.from ?? context.pos, options: GLOBALS, validFor: /^\w*$/ }
}

/** Names of stored secrets, where a literal is one; `list` finds those that hold a text. */
export function secretCompletion(list: (text: string) => Promise<string[]>): CompletionSource {
  return async (context): Promise<CompletionResult | null> => {
    const node = syntaxTree(context.state).resolveInner(context.pos, -1)
    if (node.name !== 'String' || !namesSecret(context.state, node)) return null
    const from = node.from + 1
    const typed = context.state.sliceDoc(from, context.pos)
    const names = await list(typed)
    if (context.aborted) return null
    return { from, options: names.map((label) => ({ label, type: 'text', detail: 'secret' })) }
  }
}

/** Says what a name of the script API is. */
export const apiHover = hoverTooltip((view, pos) => {
  const word = view.state.wordAt(pos)
  if (!word) return null
  const name = view.state.sliceDoc(word.from, word.to)
  const symbol = view.state.sliceDoc(word.from - 1, word.from) === '.' ? memberAt(view, word.from - 1, name) : symbolNamed(name)
  return symbol ? tooltip(symbol, word.from, word.to) : null
})

function asCompletion(symbol: Symbol): Completion {
  return { label: symbol.name, type: ICONS[symbol.kind], detail: detail(symbol), info: () => described(symbol) }
}

function detail(symbol: Symbol): string {
  const rest = symbol.signature.slice(symbol.name.length)
  return symbol.kind === 'class' ? '' : rest.length > 60 ? `${rest.slice(0, 59)}…` : rest
}

function membersBefore(context: CompletionContext, dot: number): Completion[] {
  const owner = typeBefore(context.state.sliceDoc(0, dot))
  const symbols = owner ? owner.members : unique(SYMBOLS.flatMap((one) => one.members))
  return symbols.map(asCompletion)
}

function memberAt(view: EditorView, dot: number, name: string): Symbol | undefined {
  const owner = typeBefore(view.state.sliceDoc(0, dot))
  return owner?.members.find((one) => one.name === name) ?? membersNamed(name)[0]?.member
}

/** The type of what ends the code: `cli` of `var cli = new SftpClient()`, also with `.Options` behind it. */
export function typeBefore(code: string): Symbol | undefined {
  const chain = /([A-Za-z_$][\w$]*)((?:\.\w+)*)$/.exec(code)
  if (!chain) return undefined
  const [, root = '', path = ''] = chain
  let type = typeOf(root, code)
  for (const part of path.split('.').slice(1)) type = symbolNamed(type?.members.find((one) => one.name === part)?.type ?? '')
  return type
}

function typeOf(variable: string, code: string): Symbol | undefined {
  const escaped = variable.replaceAll('$', '\\$')
  const made = [...code.matchAll(new RegExp(`(?:^|[^\\w$.])${escaped}\\s*=\\s*new\\s+(\\w+)`, 'g'))].at(-1)
  if (made) return symbolNamed(made[1]!)
  const got = [...code.matchAll(new RegExp(`(?:^|[^\\w$.])${escaped}\\s*=\\s*([\\w$]+)\\.(\\w+)\\(`, 'g'))].at(-1)
  const from = got && got[1] !== variable ? typeOf(got[1]!, code.slice(0, got.index)) : undefined
  return symbolNamed(from?.members.find((one) => one.name === got?.[2])?.type.replace(/ \| null$|\[\]$/g, '') ?? '')
}

function unique(symbols: Symbol[]): Symbol[] {
  return [...new Map(symbols.map((one) => [one.name, one])).values()]
}

function tooltip(symbol: Symbol, pos: number, end: number): Tooltip {
  return { pos, end, above: true, create: () => ({ dom: described(symbol) }) }
}

function described(symbol: Symbol): HTMLElement {
  const box = document.createElement('div')
  box.className = 'cm-described'
  const signature = document.createElement('code')
  signature.textContent = symbol.signature
  const doc = document.createElement('p')
  doc.textContent = symbol.doc
  box.append(signature, doc)
  return box
}
