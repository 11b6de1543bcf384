import type { AfterSettings, FolderSettings, NotifySettings, ScheduleSettings, TriggerKind, WebhookSettings } from '../api/schema'
import type { Trigger } from './api'

/** What stands in the fields of the dialog, of every kind of trigger. */
export interface Typed {
  kind: TriggerKind
  name: string
  cron: string
  zone: string
  missed: ScheduleSettings['missed']
  overlap: ScheduleSettings['overlap']
  per_minute: number
  max_body_kb: number
  answer: WebhookSettings['answer']
  wait_s: number
  signed_by: string
  signature_header: string
  script: string
  on: AfterSettings['on']
  path: string
  pattern: string
  recursive: boolean
  events: FolderSettings['on']
  settle_s: number
  every_s: number
  existing: boolean
  to: string
  url: string
  url_secret: string
  every_minutes: number
  params: string
  timeout_s: number | null
  concurrency_key: string
  retries: number
  backoff_s: number
}

export function fresh(): Typed {
  return {
    kind: 'schedule', name: '', cron: '0 6 * * *', zone: Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC', missed: 'run', overlap: 'skip',
    per_minute: 60, max_body_kb: 128, answer: 'run', wait_s: 30, signed_by: '', signature_header: 'X-Hub-Signature-256', script: '', on: 'succeeded',
    path: '', pattern: '*', recursive: false, events: ['created', 'changed'], settle_s: 2, every_s: 2, existing: false, to: '', url: '', url_secret: '', every_minutes: 15, params: '', timeout_s: null, concurrency_key: '', retries: 0, backoff_s: 30,
  }
}

export function typedOf({ name, settings }: Trigger): Typed {
  const { params, timeout_s, concurrency_key, retries, backoff_s, ...own } = settings
  const shown = params && Object.keys(params).length ? JSON.stringify(params, null, 2) : ''
  const rest = own.kind === 'webhook' ? { ...own, max_body_kb: own.max_body / 1024 } : own.kind === 'folder' ? { ...own, on: fresh().on, events: own.on } : own
  return { ...fresh(), ...rest, name, params: shown, timeout_s: timeout_s ?? null, concurrency_key: concurrency_key ?? '', retries, backoff_s }
}

/** The settings of each kind that the others do not have. */
export const FIELDS: Record<TriggerKind, (typed: Typed) => Partial<ScheduleSettings> | Partial<WebhookSettings> | Partial<AfterSettings> | Partial<FolderSettings> | Partial<NotifySettings>> = {
  schedule: ({ cron, zone, missed, overlap }) => ({ cron, zone, missed, overlap }),
  webhook: ({ per_minute, max_body_kb, answer, wait_s, signed_by, signature_header }) => ({ per_minute, max_body: Math.round(max_body_kb * 1024), answer, wait_s, signed_by, signature_header }),
  after: ({ script, on }) => ({ script, on }),
  notify: ({ to, url, url_secret, every_minutes }) => ({ to, url, url_secret, every_minutes }),
  folder: ({ path, pattern, recursive, events, settle_s, every_s, existing }) => ({ path, pattern, recursive, on: events, settle_s, every_s, existing }),
}

export interface FieldsProps {
  typed: Typed
  set: (change: Partial<Typed>) => void
  error: unknown
}
