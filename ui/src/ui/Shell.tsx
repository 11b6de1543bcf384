import { ActionIcon, AppShell, Box, Burger, Button, Group, Menu, NavLink, Select, Text, useComputedColorScheme, useMantineColorScheme } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { Building2, ChevronDown, CircleUserRound, FileCode2, Keyboard, KeyRound, LayoutDashboard, LogOut, Moon, Play, Sun, UsersRound, Zap } from 'lucide-react'
import { useEffect } from 'react'
import { Link, Outlet, useLocation, useNavigate, useParams } from 'react-router'
import { api, unwrap } from '../api/client'
import { useCurrentSite, useMe } from '../session/session'
import { useAnnounce } from './Announcer'
import { ShortcutsDialog, useShortcuts } from './shortcuts'
import { describe } from './Problem'
import icon from '../icon.svg'
import classes from './Shell.module.css'

export function Shell() {
  const [opened, { toggle, close }] = useDisclosure(false)
  const { pathname } = useLocation()
  useEffect(close, [pathname, close])
  return (
    <AppShell header={{ height: 56 }} navbar={{ width: 230, breakpoint: 'sm', collapsed: { mobile: !opened } }} padding={{ base: 'sm', sm: 'lg' }}>
      <a href="#content" className={classes.skip}>
        Skip to content
      </a>
      <AppShell.Header>
        <Group h="100%" px="sm" gap="sm" wrap="nowrap">
          <Burger opened={opened} onClick={toggle} hiddenFrom="sm" size="sm" aria-label={opened ? 'Close navigation' : 'Open navigation'} />
          <Link to="/" className={classes.brand} aria-label="nightdrop, first page">
            <img src={icon} alt="" width={28} height={28} />
            <Text component="span" fw={700} visibleFrom="xs">
              nightdrop
            </Text>
          </Link>
          <SiteSwitcher />
          <Box flex={1} />
          <SchemeButton />
          <PersonMenu />
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="xs" aria-label="Main">
        <Navigation />
      </AppShell.Navbar>
      <AppShell.Main id="content" tabIndex={-1} className={classes.main}>
        <Outlet />
      </AppShell.Main>
    </AppShell>
  )
}

const PARTS = ['secrets', 'scripts', 'triggers', 'runs']

function SiteSwitcher() {
  const { sites, current } = useCurrentSite(useParams().site)
  const { pathname } = useLocation()
  const navigate = useNavigate()
  if (sites.length === 0) return null
  const part = PARTS.find((one) => pathname.split('/')[3] === one)
  return (
    <Select
      aria-label="Site"
      placeholder="Choose a site"
      className={classes.switcher}
      data={sites.map((one) => one.name)}
      value={current ?? null}
      onChange={(name) => name && void navigate(part ? `/sites/${name}/${part}` : `/sites/${name}`)}
      allowDeselect={false}
      searchable={sites.length > 8}
      comboboxProps={{ width: 'max-content', position: 'bottom-start' }}
    />
  )
}

function Navigation() {
  const { admin } = useMe()
  const { current: name } = useCurrentSite(useParams().site)
  return (
    <>
      {name && (
        <div role="group" aria-label={`Site ${name}`}>
          <Item to={`/sites/${name}`} exact label="Overview" icon={<LayoutDashboard size={18} aria-hidden />} />
          <Item to={`/sites/${name}/secrets`} label="Secrets" icon={<KeyRound size={18} aria-hidden />} />
          <Item to={`/sites/${name}/scripts`} label="Scripts" icon={<FileCode2 size={18} aria-hidden />} />
          <Item to={`/sites/${name}/triggers`} label="Triggers" icon={<Zap size={18} aria-hidden />} />
          <Item to={`/sites/${name}/runs`} label="Runs" icon={<Play size={18} aria-hidden />} />
        </div>
      )}
      <div role="group" aria-label="Server" className={classes.lower}>
        <Item to="/sites" exact label="Sites" icon={<Building2 size={18} aria-hidden />} />
        {admin.super && <Item to="/admins" label="Admins" icon={<UsersRound size={18} aria-hidden />} />}
        <Item to="/account" label="Account" icon={<CircleUserRound size={18} aria-hidden />} />
      </div>
    </>
  )
}

function Item({ to, label, icon, exact }: { to: string; label: string; icon: React.ReactNode; exact?: boolean }) {
  const { pathname } = useLocation()
  const active = pathname === to
  // What is below a page belongs to it, but is not the page itself.
  const inside = active || (!exact && pathname.startsWith(`${to}/`))
  return <NavLink component={Link} to={to} label={label} leftSection={icon} active={inside} aria-current={active ? 'page' : undefined} className={classes.item} />
}

function SchemeButton() {
  const { setColorScheme } = useMantineColorScheme()
  const dark = useComputedColorScheme('light') === 'dark'
  return (
    <ActionIcon variant="subtle" color="gray" size="lg" aria-label={dark ? 'Use light colours' : 'Use dark colours'} onClick={() => setColorScheme(dark ? 'light' : 'dark')}>
      {dark ? <Sun size={18} aria-hidden /> : <Moon size={18} aria-hidden />}
    </ActionIcon>
  )
}

function PersonMenu() {
  const { admin } = useMe()
  const announce = useAnnounce()
  const [keys, keysDialog] = useDisclosure(false)
  useShortcuts([['?', keysDialog.open]])
  const signOut = async () => {
    try {
      await unwrap(api.DELETE('/api/v1/session'))
      // A page loaded anew: nothing of this session stays in its memory.
      window.location.assign('/sign-in')
    } catch (error) {
      announce(`You are still signed in. ${describe(error).title}`)
    }
  }
  return (
    <>
    <ShortcutsDialog opened={keys} onClose={keysDialog.close} />
    <Menu position="bottom-end">
      <Menu.Target>
        <Button variant="subtle" color="gray" px={6} style={{ flexShrink: 0 }} rightSection={<ChevronDown size={14} aria-hidden />} aria-label={`You: ${admin.name}`}>
          <CircleUserRound size={20} aria-hidden style={{ flexShrink: 0 }} />
          <Text component="span" size="sm" ml={6} visibleFrom="sm" truncate maw={140}>
            {admin.name}
          </Text>
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>Signed in as {admin.name}</Menu.Label>
        <Menu.Item component={Link} to="/account" leftSection={<CircleUserRound size={16} aria-hidden />}>
          Account
        </Menu.Item>
        <Menu.Item onClick={keysDialog.open} leftSection={<Keyboard size={16} aria-hidden />}>
          Keyboard shortcuts
        </Menu.Item>
        <Menu.Item onClick={() => void signOut()} leftSection={<LogOut size={16} aria-hidden />}>
          Sign out
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
    </>
  )
}
