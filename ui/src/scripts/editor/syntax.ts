import { parse } from 'acorn'

export interface SyntaxProblem {
  message: string
  /** Offset in the code. */
  at: number
}

/** The first thing in the code that is not JavaScript (ECMAScript 2023, a script and no module), if there is any. */
export function syntaxProblem(code: string): SyntaxProblem | null {
  try {
    parse(code, { ecmaVersion: 2023, sourceType: 'script' })
    return null
  } catch (error) {
    if (!(error instanceof SyntaxError) || !('pos' in error)) throw error
    return { message: error.message.replace(/ \(\d+:\d+\)$/, ''), at: Number(error.pos) }
  }
}
