import type { Settings as Given } from '../api/schema'

/** As people write them: sizes and times with a unit. */
export interface Settings {
  memory: string
  cpu: string
  wall: string
  log: string
  body: string
  egress_allow: string[]
  egress_deny: string[]
  paths: string[]
  smtp_host: string
  smtp_port: string
  smtp_tls: string
  smtp_user: string
  smtp_password_secret: string
  smtp_from: string
  run_days: string
  run_count: string
}

export function shown(settings: Given): Settings {
  return {
    memory: size(settings.memory),
    cpu: time(settings.cpu),
    wall: time(settings.wall),
    log: size(settings.log),
    body: size(settings.body),
    egress_allow: settings.egress_allow,
    egress_deny: settings.egress_deny,
    paths: settings.paths,
    smtp_host: settings.smtp_host,
    smtp_port: settings.smtp_port ? String(settings.smtp_port) : '',
    smtp_tls: settings.smtp_tls,
    smtp_user: settings.smtp_user,
    smtp_password_secret: settings.smtp_password_secret,
    smtp_from: settings.smtp_from,
    run_days: String(settings.run_days),
    run_count: String(settings.run_count),
  }
}

/** Only what was changed is sent; an empty field goes back to the default. */
export function changed(before: Settings, after: Settings): Record<string, string | string[] | null> {
  const changes: Record<string, string | string[] | null> = {}
  for (const key of Object.keys(before) as (keyof Settings)[]) {
    if (JSON.stringify(before[key]) !== JSON.stringify(after[key])) changes[key] = after[key].length === 0 && typeof after[key] === 'string' ? null : after[key]
  }
  return changes
}

function size(bytes: number): string {
  for (const [unit, factor] of [['GiB', 2 ** 30], ['MiB', 2 ** 20], ['KiB', 2 ** 10]] as const) {
    if (bytes >= factor && bytes % factor === 0) return `${bytes / factor}${unit}`
  }
  return String(bytes)
}

function time(seconds: number): string {
  if (seconds >= 3600 && seconds % 3600 === 0) return `${seconds / 3600}h`
  if (seconds >= 60 && seconds % 60 === 0) return `${seconds / 60}m`
  return `${seconds}s`
}
