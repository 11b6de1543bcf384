import createClient from 'openapi-fetch'
import type { paths, Problem } from './schema'

export const api = createClient<paths>({
  // Looked up at each call, so that tests can put another one there.
  fetch: (request) => globalThis.fetch(request),
  credentials: 'same-origin',
  cache: 'no-store',
})

/** An answer of the API that is not the one asked for. Its text is the server's, which never repeats input. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    readonly hint = '',
    readonly field: string | null = null,
    readonly body: Partial<Problem> & Record<string, unknown> = {},
  ) {
    super(detail)
  }
}

const signedOut = new Set<() => void>()

/** Call `listener` whenever the server no longer knows who is here; returns how to stop. */
export function onSignedOut(listener: () => void): () => void {
  signedOut.add(listener)
  return () => void signedOut.delete(listener)
}

interface Answer<T> {
  data?: T
  error?: unknown
  response: Response
}

/** The data of an answer. @throws ApiError */
export async function unwrap<T>(call: Promise<Answer<T>>): Promise<T> {
  const answer = await reached(call)
  if (answer.response.ok) return answer.data as T
  throw asError(answer.response, answer.error)
}

const LARGEST_PAGE = 500

interface Part<T> {
  items: T[]
  next?: string | null
}

/** Every item of a list that comes in pages. @throws ApiError */
export async function everyPage<T>(fetch: (query: { limit: number; cursor?: string }) => Promise<Answer<Part<T>>>): Promise<{ items: T[] }> {
  const items: T[] = []
  let cursor: string | undefined
  do {
    const page = await unwrap(fetch({ limit: LARGEST_PAGE, cursor }))
    items.push(...page.items)
    cursor = page.next ?? undefined
  } while (cursor !== undefined)
  return { items }
}

async function reached<T>(call: Promise<T>): Promise<T> {
  try {
    return await call
  } catch {
    throw new ApiError(0, 'unreachable', 'The server cannot be reached.', 'Nothing was changed as far as is known. Check the connection, then try again.')
  }
}

function asError(response: Response, content: unknown): ApiError {
  const problem = typeof content === 'object' && content !== null ? (content as Partial<Problem>) : {}
  if (problem.code === 'sign_in_required') for (const listener of signedOut) listener()
  const detail = problem.detail ?? `The server answered with status ${response.status}.`
  return new ApiError(response.status, problem.code ?? 'unknown', detail, hintOf(response, problem), problem.field ?? null, problem as never)
}

function hintOf(response: Response, problem: Partial<Problem>): string {
  const wait = Number(response.headers.get('Retry-After'))
  if (response.status === 429 && wait > 0) return `Try again in ${waiting(wait)}.`
  return problem.hint ?? ''
}

function waiting(seconds: number): string {
  if (seconds === 1) return 'a second'
  return seconds < 120 ? `${seconds} seconds` : `${Math.ceil(seconds / 60)} minutes`
}
