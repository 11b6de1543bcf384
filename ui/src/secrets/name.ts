/** What is wrong with a secret's name, as the server would say it; `undefined` when nothing is. */
export function nameProblem(name: string): string | undefined {
  if (name === '') return 'Enter a name.'
  if (name.length > 128) return 'A name has at most 128 characters.'
  if (!/^[ -~]+$/.test(name)) return 'Use printable ASCII characters only.'
  if (name.startsWith(' ') || name.endsWith(' ')) return 'A name has no space at its start or end.'
  return undefined
}
