import type { Permission } from '../api/schema'

type PerSite = Exclude<Permission, 'sites:edit' | 'admins:edit' | 'account:edit'>

/** Given per site, with what each lets a person do. */
export const PERMISSIONS: Record<PerSite, string> = {
  'secrets:view': 'See names, descriptions and times of secrets',
  'secrets:edit': 'Add, update and delete secrets',
  'scripts:view': 'Read scripts',
  'scripts:edit': 'Change scripts, and so read every secret that scripts may read',
  'runs:view': 'See runs and their logs',
  'runs:run': 'Start and cancel runs',
  'audit:view': 'Read the audit log',
  'settings:view': 'See the settings of the site',
  'settings:edit': 'Change the settings of the site',
}

export type SitePermission = PerSite
export const SITE_PERMISSIONS = Object.keys(PERMISSIONS) as SitePermission[]

export const SCRIPTS_EDIT_WARNING =
  'Who may edit scripts (scripts:edit) can read every secret of that site whose policy lets scripts read it: a script can print or send what it gets.'
