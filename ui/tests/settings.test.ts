import { expect, test } from 'vitest'
import { agentName } from '../src/account/agent'
import { chosenProblem } from '../src/session/NewPassword'
import { PERMISSIONS } from '../src/session/permissions'
import { asLocal, readExpiry } from '../src/secrets/DetailFields'
import { hasExpired } from '../src/secrets/Expiry'
import { changed, shown } from '../src/sites/settings'

const mail = { smtp_host: 'mail.example', smtp_tls: 'none', smtp_user: '', smtp_password_secret: 'smtp', smtp_from: '' }
const given = { memory: 128 * 2 ** 20, cpu: 60, wall: 5400, log: 1536, body: 1, egress_allow: ['a'], egress_deny: [], paths: ['/srv/in:ro'], ...mail, smtp_port: 0, run_days: 30, run_count: 1000 }

test('settings are shown as people write them, without losing any of them', () => {
  expect(shown(given)).toEqual({ memory: '128MiB', cpu: '1m', wall: '90m', log: '1536', body: '1', egress_allow: ['a'], egress_deny: [], paths: ['/srv/in:ro'], ...mail, smtp_port: '', run_days: '30', run_count: '1000' })
  expect(shown({ ...given, smtp_port: 25 }).smtp_port).toBe('25')
})

test('only what was changed is sent, an emptied field as the default', () => {
  const before = shown(given)
  expect(changed(before, before)).toEqual({})
  expect(changed(before, { ...before, cpu: '2m', log: '', egress_allow: [], smtp_host: '', smtp_port: '25' })).toEqual({ cpu: '2m', log: null, egress_allow: [], smtp_host: null, smtp_port: '25' })
})

test('an expiry survives the way through the field, to the minute', () => {
  const noon = Date.UTC(2027, 5, 1, 12, 30)
  expect(readExpiry(asLocal(noon), noon - 1)).toBe(noon)
  expect([asLocal(null), readExpiry('')]).toEqual(['', null])
})

test('an expiry that has passed is refused next to its field', () => {
  const noon = Date.UTC(2027, 5, 1, 12, 30)
  expect(() => readExpiry(asLocal(noon), noon)).toThrow(expect.objectContaining({ field: 'expires_ms' }))
})

test('a secret has expired from the very moment on', () => {
  const at = (expires_ms: number | null) => hasExpired({ expires_ms } as never, 1000)
  expect([at(null), at(1001), at(1000), at(999)]).toEqual([false, false, true, true])
})

test.each([
  ['Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36', 'Chrome on Linux'],
  ['Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605 Version/18.0 Mobile Safari/604.1', 'Safari on iOS'],
  ['Mozilla/5.0 (Windows NT 10.0; Win64) Gecko/20100101 Firefox/140.0', 'Firefox on Windows'],
  ['curl/8.1', 'curl/8.1'],
  ['', 'Unknown browser'],
])('%s', (agent, name) => {
  expect(agentName(agent)).toBe(name)
})

test('a chosen password is long enough and typed twice', () => {
  const rules = { min: 12, max: 1024 }
  expect(chosenProblem({ password: 'short', again: 'short' }, rules)?.field).toBe('password')
  expect(chosenProblem({ password: 'twelve chars', again: 'twelve char' }, rules)?.field).toBe('again')
  expect(chosenProblem({ password: 'twelve chars', again: 'twelve chars' }, rules)).toBeUndefined()
  // Twelve characters as people count, although each takes two units of UTF-16.
  expect(chosenProblem({ password: '🗝'.repeat(6), again: '🗝'.repeat(6) }, rules)?.field).toBe('password')
})

test('the page says what scripts:edit means', () => {
  expect(PERMISSIONS['scripts:edit']).toContain('read every secret')
})
