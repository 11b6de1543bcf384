import declarations from '../../../../src/nightdrop/syncjs/syncjs.d.ts?raw'

export interface Symbol {
  name: string
  kind: 'function' | 'class' | 'interface' | 'variable' | 'constant' | 'property' | 'method'
  /** As declared, on one line. */
  signature: string
  doc: string
  /** What it gives: of a variable or property its type, of a method what it returns. */
  type: string
  members: Symbol[]
}

const TOP = /^(?:declare (function|class|const) |(interface) )(\w+)(.*)$/
const MEMBER = /^ {2}(\w+)(\(.*\))?\??: (.*);$/

/** Read type declarations of the form that `python -m nightdrop.syncjs.generate` writes. */
export function readDeclarations(text: string): Symbol[] {
  const found: Symbol[] = []
  let doc: string[] = []
  let inside: Symbol | null = null
  for (const line of text.split('\n')) {
    const trimmed = line.trim()
    if (trimmed.startsWith('/**')) doc = []
    else if (trimmed.startsWith('//')) doc = [trimmed.slice(2).trim()]
    else if (trimmed.startsWith('*/')) continue
    else if (trimmed.startsWith('*')) doc.push(trimmed.slice(1).trim())
    else if (line === '}') inside = null
    else if (inside) {
      const member = readMember(line, doc)
      if (member) inside.members.push(member)
    } else {
      const symbol = readTop(line, doc)
      if (!symbol) continue
      found.push(symbol)
      if (line.endsWith('{')) inside = symbol
    }
  }
  return found
}

function readTop(line: string, doc: string[]): Symbol | null {
  const match = TOP.exec(line)
  if (!match) return null
  const [, declared, plain, name = '', rest = ''] = match
  const kind = (declared === 'const' ? (/^: ["\d-]/.test(rest) ? 'constant' : 'variable') : (declared ?? plain)) as Symbol['kind']
  const opened = kind === 'class' || kind === 'interface'
  const signature = opened ? `${kind} ${name}` : `${name}${rest}`.replace(/;$/, '')
  return { name, kind, signature, doc: asText(doc), type: kind === 'variable' ? rest.replace(/^: |;$/g, '') : '', members: [] }
}

function readMember(line: string, doc: string[]): Symbol | null {
  const match = MEMBER.exec(line)
  if (!match) return null
  const [, name = '', parameters, type = ''] = match
  const kind = parameters ? 'method' : 'property'
  return { name, kind, signature: line.trim().replace(/;$/, ''), doc: asText(doc), type, members: [] }
}

function asText(lines: string[]): string {
  return lines.join('\n').trim()
}

export const SYMBOLS = readDeclarations(declarations)
const BY_NAME = new Map(SYMBOLS.map((one) => [one.name, one]))

export function symbolNamed(name: string): Symbol | undefined {
  return BY_NAME.get(name)
}

/** Every member of that name, each with the type that has it. */
export function membersNamed(name: string): { owner: Symbol; member: Symbol }[] {
  return SYMBOLS.flatMap((owner) => owner.members.filter((member) => member.name === name).map((member) => ({ owner, member })))
}
