/** Lay out code by Prettier, which is loaded when it is first asked for. @throws SyntaxError */
export async function formatted(code: string): Promise<string> {
  const [{ format }, estree, acorn] = await Promise.all([import('prettier/standalone'), import('prettier/plugins/estree'), import('prettier/plugins/acorn')])
  return format(code, { parser: 'acorn', plugins: [estree.default ?? estree, acorn.default ?? acorn], printWidth: 100 })
}
