import { afterEach, describe, expect, test, vi } from 'vitest'
import { api, ApiError, everyPage, onSignedOut, unwrap } from '../src/api/client'
import { KeyError } from '../src/seal/identity'
import { ValueError } from '../src/seal/format'
import { healthProblem } from '../src/secrets/health'
import { nameProblem } from '../src/secrets/name'
import { InputError } from '../src/ui/InputError'
import { describe as say, fieldError } from '../src/ui/Problem'
import { ago } from '../src/ui/time'

afterEach(() => void vi.unstubAllGlobals())

const ask = () => unwrap(api.GET('/api/v1/sites', { baseUrl: 'http://x' }))

function answer(status: number, body: unknown, headers: Record<string, string> = {}) {
  vi.stubGlobal('fetch', () => Promise.resolve(new Response(JSON.stringify(body), { status, headers })))
}

const problem = { type: 'about:blank', title: 'x', status: 422, code: 'secret_name', detail: 'The name is not valid.', hint: 'Use ASCII.', field: 'name' }

describe('problems', () => {
  test('a problem of the API comes with its field', async () => {
    answer(422, problem)
    const error = await ask().catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(ApiError)
    expect(error).toMatchObject({ status: 422, code: 'secret_name', field: 'name' })
    expect(fieldError(error, 'name')).toBe('The name is not valid. Use ASCII.')
    expect(fieldError(error, 'value')).toBeUndefined()
  })

  test('a list of many pages is read to its end', async () => {
    const asked: string[] = []
    vi.stubGlobal('fetch', (request: Request) => {
      asked.push(new URL(request.url).search)
      const page = [{ items: [1, 2], next: 'a' }, { items: [3], next: 'b' }, { items: [], next: null }][asked.length - 1]
      return Promise.resolve(new Response(JSON.stringify(page)))
    })
    const all = everyPage((query) => api.GET('/api/v1/sites', { baseUrl: 'http://x', params: { query } }))
    expect(await all).toEqual({ items: [1, 2, 3] })
    expect(asked).toEqual(['?limit=500', '?limit=500&cursor=a', '?limit=500&cursor=b'])
  })

  test('an error on a later page is the error of the list', async () => {
    const call = vi.fn().mockResolvedValueOnce({ data: { items: [1], next: 'a' }, response: new Response() }).mockResolvedValue({ error: problem, response: new Response(null, { status: 422 }) })
    await expect(everyPage(call)).rejects.toMatchObject({ code: 'secret_name' })
  })

  test.each([
    ['1', 'a second'],
    ['30', '30 seconds'],
    ['119', '119 seconds'],
    ['120', '2 minutes'],
    ['899', '15 minutes'],
  ])('too many attempts: Retry-After %s is %s', async (header, text) => {
    answer(429, { ...problem, code: 'throttled', hint: 'Wait.' }, { 'Retry-After': header })
    await expect(ask()).rejects.toMatchObject({ code: 'throttled', hint: `Try again in ${text}.` })
  })

  test('an answer that is no problem, as of a proxy, is told by its status alone', async () => {
    vi.stubGlobal('fetch', () => Promise.resolve(new Response('<html>needle', { status: 502 })))
    const error = await ask().catch((caught: unknown) => caught)
    expect(say(error)).toEqual({ title: 'The server answered with status 502.', hint: '' })
  })

  test('a server that is not there', async () => {
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('failed')))
    await expect(ask()).rejects.toMatchObject({ status: 0, code: 'unreachable' })
  })

  test('an empty answer is no error', async () => {
    vi.stubGlobal('fetch', () => Promise.resolve(new Response(null, { status: 204 })))
    expect(await ask()).toBeUndefined()
  })

  test('the text of an unknown error is not shown', () => {
    expect(JSON.stringify(say(new Error('needle')))).not.toContain('needle')
  })

  test('our own errors', () => {
    expect(fieldError(new ValueError('empty'), 'value')).toBe('Enter a value.')
    expect(fieldError(new InputError('name', 'Enter a name.'), 'name')).toBe('Enter a name.')
    expect(fieldError(new InputError('name', 'Enter a name.'), 'value')).toBeUndefined()
    expect(say(new KeyError('signature')).title).toContain('not signed')
  })
})

test.each([
  ['my-api-key', undefined],
  ['a b', undefined],
  ['N'.repeat(128), undefined],
  ['', 'Enter a name.'],
  ['N'.repeat(129), 'A name has at most 128 characters.'],
  [' a', 'A name has no space at its start or end.'],
  ['a\nb', 'Use printable ASCII characters only.'],
  ['ü', 'Use printable ASCII characters only.'],
])('the name %j', (name, wrong) => {
  expect(nameProblem(name)).toBe(wrong)
})

test('only a secret that does not open has a remedy', () => {
  expect(healthProblem('ok')).toBeUndefined()
  expect(healthProblem('unchecked')).toBeUndefined()
  expect(healthProblem('authentication')).toContain('Update value')
  expect(healthProblem('something new')).toContain('Update value')
})

test.each([
  [0, 'just now'],
  [-59_000, 'just now'],
  [-60_000, '1 min. ago'],
  [-26 * 3600_000, 'yesterday'],
  [30_000, 'in a moment'],
  [3 * 86400_000, 'in 3 days'],
])('%d ms from now is %s', (ms, text) => {
  expect(ago(1e12 + ms, 1e12)).toBe(text)
})

test('whoever is signed out elsewhere is noticed, once for each answer', async () => {
  const listener = vi.fn()
  const stop = onSignedOut(listener)
  answer(401, { ...problem, status: 401, code: 'sign_in_required' })
  await expect(ask()).rejects.toThrow(ApiError)
  answer(401, { ...problem, status: 401, code: 'sign_in_failed' })
  await expect(ask()).rejects.toThrow(ApiError)
  stop()
  answer(401, { ...problem, status: 401, code: 'sign_in_required' })
  await expect(ask()).rejects.toThrow(ApiError)
  expect(listener).toHaveBeenCalledTimes(1)
})
