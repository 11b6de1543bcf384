import { describe, expect, test } from 'vitest'
import { parseImport } from '../src/secrets/importfile'

const pairs = (text: string) => parseImport(text).rows.map((row) => [row.name, row.problem ? null : row.value])

describe('.env', () => {
  test.each([
    ['A=b', [['A', 'b']]],
    ['export A=b\n  B = c ', [['A', 'b'], ['B', 'c']]],
    ['# note\n\nA=b # why\nB=c#d', [['A', 'b'], ['B', 'c#d']]],
    ["A='b # c \\n $D'", [['A', 'b # c \\n $D']]],
    ['A="b\\nc \\"d\\" \\\\ \\q"', [['A', 'b\nc "d" \\ \\q']]],
    ['KEY="-----BEGIN\nabc\n-----END"\nB=c', [['KEY', '-----BEGIN\nabc\n-----END'], ['B', 'c']]],
    ['A=`it\'s "x"`', [['A', 'it\'s "x"']]],
    ['A=b=c==', [['A', 'b=c==']]],
    ['my-api-key=x', [['my-api-key', 'x']]],
    ['\uFEFFA=b\r\nB=c\r\n', [['A', 'b'], ['B', 'c']]],
  ])('%j', (text, expected) => {
    expect(pairs(text)).toEqual(expected)
  })

  test.each([
    ['A=', 'The value is empty.'],
    ['A=""', 'The value is empty.'],
    ['nonsense', 'Not of the form NAME=value.'],
    ['=x', 'Enter a name.'],
    ['Ä=x', 'Use printable ASCII characters only.'],
    [`${'N'.repeat(129)}=x`, 'A name has at most 128 characters.'],
    ['A="b', 'The closing quote is missing.'],
    ['A="b" c', 'There is text after the closing quote.'],
    ['A=a\0b', 'The value contains a NUL character. Binary data cannot be stored; encode it as base64.'],
    ['A=***', 'This is a placeholder, such as ***, that stands for a value. Give the value itself.'],
    [`A=${'x'.repeat(1024 * 1024 + 1)}`, 'The value is larger than 1 MiB.'],
  ])('says what is wrong in case %#', (text, problem) => {
    expect(parseImport(text).rows).toMatchObject([{ problem, value: '', bytes: 0 }])
  })

  test('a problem costs its own row alone, and lines are counted', () => {
    const { rows } = parseImport('A=1\nB="x\ny"\nbroken\nC="open\nD=4\nA=2\n')
    expect(rows.map(({ line, name, problem }) => [line, name, problem !== undefined])).toEqual([
      [1, 'A', false],
      [2, 'B', false],
      [4, '', true],
      [5, 'C', true],
      [6, 'D', false],
      [7, 'A', true],
    ])
    expect(rows.at(-1)!.problem).toBe('The name is already in line 1.')
  })

  test('variables are not filled in, and the row says so', () => {
    const [one, two, three] = parseImport("A=${HOME}/x\nB=\"$C\"\nD='$E'").rows
    expect([one!.value, one!.note]).toEqual(['${HOME}/x', 'Taken as written: variables are not filled in.'])
    expect([two!.value, two!.note === undefined]).toEqual(['$C', false])
    expect([three!.value, three!.note]).toEqual(['$E', undefined])
  })
})

describe('JSON', () => {
  test('takes texts as they are', () => {
    expect(pairs('{"a": "x\\ny", "b b": "✓"}')).toEqual([['a', 'x\ny'], ['b b', '✓']])
  })

  test('does not make text of anything else', () => {
    expect(pairs('{"a": 1, "b": null, "c": {"d": "e"}, "f": "g"}')).toEqual([['a', null], ['b', null], ['c', null], ['f', 'g']])
  })

  test.each([
    ['{"a": "needle"', 'It begins like JSON but is not valid JSON.'],
    ['{}', 'The JSON object is empty.'],
    ['', 'There is nothing in it.'],
    [' \n# only a comment', 'No line has the form NAME=value.'],
  ])('%j is no file to import', (text, problem) => {
    expect(parseImport(text)).toEqual({ rows: [], problem })
  })
})
