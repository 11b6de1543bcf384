import { Checkbox, Text } from '@mantine/core'
import type { SiteOut } from '../api/schema'
import { PERMISSIONS, SITE_PERMISSIONS } from '../session/permissions'
import classes from './GrantsMatrix.module.css'

export type Grants = Record<string, string[]>

interface Props {
  sites: SiteOut[]
  grants: Grants
  onChange: (grants: Grants) => void
}

/** Permissions down, sites across: there are always nine of the first. */
export function GrantsMatrix({ sites, grants, onChange }: Props) {
  const set = (site: string, permission: string, given: boolean) => {
    const others = (grants[site] ?? []).filter((one) => one !== permission)
    onChange({ ...grants, [site]: given ? [...others, permission] : others })
  }
  const setAll = (site: string, given: boolean) => onChange({ ...grants, [site]: given ? [...SITE_PERMISSIONS] : [] })
  return (
    <div className={classes.scroll} role="group" aria-label="Permissions by site" tabIndex={0}>
      <table className={classes.table} aria-label="Permissions by site">
        <thead>
          <tr>
            <th scope="col">Permission</th>
            {sites.map((site) => (
              <th key={site.id} scope="col">
                {site.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          <tr>
            <th scope="row">All</th>
            {sites.map((site) => {
              const count = grants[site.id]?.length ?? 0
              return (
                <td key={site.id}>
                  <Checkbox aria-label={`All permissions in ${site.name}`} checked={count === SITE_PERMISSIONS.length} indeterminate={count > 0 && count < SITE_PERMISSIONS.length} onChange={(event) => setAll(site.id, event.currentTarget.checked)} />
                </td>
              )
            })}
          </tr>
          {SITE_PERMISSIONS.map((permission) => (
            <tr key={permission}>
              <th scope="row">
                {permission}
                <Text size="xs" c="dimmed" fw={400}>
                  {PERMISSIONS[permission]}
                </Text>
              </th>
              {sites.map((site) => (
                <td key={site.id}>
                  <Checkbox aria-label={`${permission} in ${site.name}`} checked={grants[site.id]?.includes(permission) ?? false} onChange={(event) => set(site.id, permission, event.currentTarget.checked)} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
