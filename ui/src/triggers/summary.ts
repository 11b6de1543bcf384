import type { TriggerOut } from '../api/schema'

/** What starts the script, in a few words. */
export function summary({ settings }: Pick<TriggerOut, 'settings'>): string {
  switch (settings.kind) {
    case 'schedule':
      return `${settings.cron}, ${settings.zone}`
    case 'webhook':
      return `Requests to its address, at most ${settings.per_minute} a minute`
    case 'folder':
      return `Files ${settings.on.join(' or ')} in ${settings.path}, ${settings.pattern}${settings.recursive ? ', also below it' : ''}`
    case 'notify':
      return `When a run has failed: ${settings.to || settings.url || `the address in the secret ${settings.url_secret}`}`
    case 'after':
      return `After ${settings.script} has ${settings.on}`
  }
}

export const KINDS = {
  schedule: 'Schedule',
  webhook: 'Webhook',
  after: 'After another script',
  folder: 'Watched folder',
  notify: 'Notice of failures',
} as const
