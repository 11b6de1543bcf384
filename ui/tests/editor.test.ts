import { javascriptLanguage } from '@codemirror/lang-javascript'
import { EditorState } from '@codemirror/state'
import { describe, expect, test } from 'vitest'
import { typeBefore } from '../src/scripts/editor/complete'
import { diagnosticsOf } from '../src/scripts/editor/findings'
import { formatted } from '../src/scripts/editor/format'
import { textOfLiteral } from '../src/scripts/editor/literal'
import { moveToSecret, storedLiteral } from '../src/scripts/editor/move'
import { secretNames } from '../src/scripts/editor/secretnames'
import { membersNamed, readDeclarations, symbolNamed, SYMBOLS } from '../src/scripts/editor/symbols'
import { syntaxProblem } from '../src/scripts/editor/syntax'
import declarations from '../../src/nightdrop/syncjs/syncjs.d.ts?raw'

const state = (doc: string) => EditorState.create({ doc, extensions: [javascriptLanguage] })

describe('the script API', () => {
  test('every declaration is read', () => {
    const declared = declarations.match(/^(declare|interface) /gm)!.length
    expect(SYMBOLS.length).toBe(declared)
    const members = declarations.match(/^ {2}\w+(\(.*\))?\??: /gm)!.length
    expect(SYMBOLS.flatMap((one) => one.members).length).toBe(members)
    expect(SYMBOLS.filter((one) => one.kind !== 'constant' && !one.doc).map((one) => one.name)).toEqual([])
  })

  test('with signature, documentation and members', () => {
    const [secret, cli, constant, variable] = readDeclarations(`
/**
 * Reads it.
 *
 * Never throws.
 */
declare function GetSecret(name: string): string;
/** A client. */
declare class Cli {
  /**
   * Where to.
   */
  Host: string;
  Get(path: string): Answer | null;
}
// Kinds
declare const KIND: "a";
/**
 * All of them.
 */
declare const Params: Record<string, any>;
`)
    expect(secret).toMatchObject({ kind: 'function', signature: 'GetSecret(name: string): string', doc: 'Reads it.\n\nNever throws.' })
    expect(cli).toMatchObject({ kind: 'class', signature: 'class Cli' })
    expect(cli!.members).toMatchObject([
      { name: 'Host', kind: 'property', type: 'string', doc: 'Where to.' },
      { name: 'Get', kind: 'method', type: 'Answer | null', signature: 'Get(path: string): Answer | null' },
    ])
    expect(constant).toMatchObject({ kind: 'constant', doc: 'Kinds' })
    expect(variable).toMatchObject({ kind: 'variable', type: 'Record<string, any>' })
  })

  test('the type of what stands before a dot', () => {
    const type = (code: string) => typeBefore(code)?.name
    expect(type('var cli = new SftpClient(); cli')).toBe('SftpClient')
    expect(type('const a = new SftpClient(); a.Options')).toBe('RemoteOptions')
    expect(type('x = new SftpClient(); x = new HttpCli(); x')).toBe('HttpCli')
    expect(type('var h = new HttpCli(); var r = h.Get(); r')).toBe('HttpRes')
    expect(type('unknown')).toBeUndefined()
    expect(type('var a = a.b(); a')).toBeUndefined()
    expect(symbolNamed('GetSecret')?.doc).toContain('secret')
    expect(membersNamed('Connect').length).toBeGreaterThan(4)
  })
})

test.each([
  ["'a'", 'a'],
  ['"a\\"b"', 'a"b'],
  ["'\\n\\t\\x41\\u0042\\u{1f600}\\q\\\\'", '\n\tAB😀q\\'],
  ["'a\\\nb'", 'ab'],
  ['`plain`', 'plain'],
  ['`\\${x}`', '${x}'],
  ['`a${x}`', null],
  ['`\\\\${x}`', null],
  ['"unclosed', null],
  ['x', null],
  ['"', null],
])('the text of %s', (source, text) => expect(textOfLiteral(source)).toBe(text))

describe('names of secrets', () => {
  const names = (code: string) => secretNames(state(code)).map((one) => one.name)

  test('stand in calls and in fields', () => {
    expect(names(`GetSecret("a"); HasSecret('b', 1); RequireSecret("c"); cli.PassFromSecret = "d"; s.KeyFileSecret = 'e'`)).toEqual(['a', 'b', 'c', 'd', 'e'])
  })

  test('not everywhere', () => {
    expect(names(`Log("a"); GetSecret(x, "b"); GetSecret("a" + x); // GetSecret("c")\n cli.Pass = "d"; o.GetSecret("e"); var PassFromSecret = "f"`)).toEqual([])
  })
})

describe('marks', () => {
  const check = { leaks: [{ start: 8, end: 16, line: 1, title: 'Password', suggestion: 'pass', movable: true }], missing: ['gone'] }

  test('for what is no JavaScript, with the place', () => {
    expect(diagnosticsOf(state('var = 1'), null, null)).toMatchObject([{ from: 4, severity: 'error', message: 'Unexpected token' }])
    expect(syntaxProblem('{ let a = 1; class B { #c = a?.b ?? 1n } }')).toBeNull()
    expect(syntaxProblem('import "x"')).not.toBeNull()
  })

  test('for passwords and for names that are not there', () => {
    const marks = diagnosticsOf(state(`var p = "secret"; GetSecret("gone"); GetSecret("there")`), check, () => undefined)
    expect(marks).toMatchObject([
      { from: 8, to: 16, message: 'Password: whoever may see this script sees it.' },
      { from: 28, to: 34, message: 'This site has no secret of the name gone.' },
    ])
    expect(marks[0]!.actions?.map((one) => one.name)).toEqual(['Move to Secrets'])
    expect(diagnosticsOf(state(`var p = "secret"`), check, null)[0]!.actions).toEqual([])
  })

  test('stay inside a text that became shorter meanwhile', () => {
    for (const mark of diagnosticsOf(state('var p'), check, null)) expect(mark.to).toBeLessThanOrEqual(5)
  })
})

describe('moving a literal to the secrets', () => {
  const code = `a("p\\u0041ss"); b('pAss'); c("other")`
  const leak = (source: string) => ({ start: code.indexOf(source), end: code.indexOf(source) + source.length, line: 1, title: 'x', suggestion: 'x', movable: true })
  const leaks = [leak('"p\\u0041ss"'), leak("'pAss'"), leak('"other"')]

  test('takes every literal of the value, however it is written', () => {
    expect(moveToSecret(code, leaks[1]!, leaks, 'my "key"')).toEqual({ value: 'pAss', code: `a(GetSecret("my \\"key\\"")); b(GetSecret("my \\"key\\"")); c("other")` })
  })

  test('tells the server where it is stored, if it is', () => {
    expect(storedLiteral(code, 3, "'pAss'", 'k')).toEqual([{ secret: 'k', version: 3, start: code.indexOf("'pAss'") }])
    expect(storedLiteral(code, 3, "'never saved'", 'k')).toEqual([])
  })
})

test('code is laid out, and what is no code stays', async () => {
  expect(await formatted('{var a=GetSecret("x");\nLog( a)}')).toBe('{\n  var a = GetSecret("x");\n  Log(a);\n}\n')
  await expect(formatted('var =')).rejects.toThrow(SyntaxError)
})
