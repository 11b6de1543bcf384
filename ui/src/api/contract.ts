// What is written by hand until the OpenAPI document has it.
export const PERMISSIONS = [
  'secrets:view',
  'secrets:edit',
  'scripts:view',
  'scripts:edit',
  'runs:view',
  'runs:run',
  'audit:view',
  'settings:view',
  'settings:edit',
] as const
export type Permission = (typeof PERMISSIONS)[number]

export interface Me {
  id: string
  name: string
  super: boolean
}

export interface SessionSite {
  id: string
  name: string
  permissions: Permission[]
}

export interface Session {
  admin: Me | null
  setup_needed: boolean
  sites: SessionSite[]
  passkeys?: boolean
}
