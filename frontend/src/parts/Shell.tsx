import {
  ActionIcon,
  AppShell,
  Burger,
  Divider,
  Group,
  NavLink,
  Stack,
  Text,
  useComputedColorScheme,
  useMantineColorScheme,
} from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { Link, Outlet, useRouterState } from '@tanstack/react-router'
import { useEffect } from 'react'
import { answer, client } from '../api/client'
import { config } from '../config'
import { apiKey, endSession } from '../session/session'
import { useMe } from '../session/useMe'
import {
  IconCallback,
  IconDatasets,
  IconExport,
  IconGrant,
  IconImport,
  IconJobs,
  IconKey,
  IconMoon,
  IconSettings,
  IconSignOut,
  IconSun,
  IconUsers,
  IconWebhook,
} from './icons'

const PLACES = [
  { to: '/', label: 'Jobs', Icon: IconJobs },
  { to: '/exports/new', label: 'New export', Icon: IconExport },
  { to: '/imports/new', label: 'New import', Icon: IconImport },
  { to: '/datasets', label: 'Datasets', Icon: IconDatasets },
] as const
const HOUSE = [
  { to: '/keys', label: 'API keys', Icon: IconKey },
  { to: '/webhooks', label: 'Webhooks', Icon: IconWebhook },
  { to: '/callbacks', label: 'Callbacks', Icon: IconCallback },
  { to: '/settings', label: 'Settings', Icon: IconSettings },
] as const
const ADMINS = [
  ...HOUSE,
  { to: '/users', label: 'Users', Icon: IconUsers },
  { to: '/grants', label: 'Grants', Icon: IconGrant },
] as const

/** What stands around every page: where one is, where one can go, and out. */
export function Shell() {
  const [opened, { toggle, close }] = useDisclosure(false)
  const { admin } = useMe()
  const path = useRouterState({ select: (state) => state.location.pathname })
  // biome-ignore lint/correctness/useExhaustiveDependencies: whoever has gone somewhere wants to see it
  useEffect(close, [path])
  return (
    <AppShell
      header={{ height: 56 }}
      navbar={{ width: 220, breakpoint: 'sm', collapsed: { mobile: !opened } }}
      padding={{ base: 'md', sm: 'xl' }}
    >
      <a href="#content" className="skip">
        Skip to the content
      </a>
      <AppShell.Header px="md">
        <Group h="100%" justify="space-between" wrap="nowrap">
          <Group gap="sm" wrap="nowrap" style={{ minWidth: 0 }}>
            <Burger
              opened={opened}
              onClick={toggle}
              hiddenFrom="sm"
              size="sm"
              aria-label="Navigation"
              aria-expanded={opened}
            />
            <img src="/ui/icon.svg" alt="" width={26} height={26} />
            <Text fw={600} className="cut">
              {config.customer}
            </Text>
          </Group>
          <Group gap="xs" wrap="nowrap">
            <Who />
            <SchemeSwitch />
            <SignOut />
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="sm" aria-label="Pages">
        <Stack gap={2}>
          <Places places={PLACES} path={path} />
          <Divider my="xs" />
          <Places places={admin ? ADMINS : HOUSE} path={path} />
        </Stack>
      </AppShell.Navbar>
      <AppShell.Main id="content">
        <Outlet />
      </AppShell.Main>
    </AppShell>
  )
}

type Place = (typeof PLACES | typeof ADMINS)[number]

function Places({ places, path }: { places: readonly Place[]; path: string }) {
  return places.map(({ to, label, Icon }) => (
    <NavLink
      key={to}
      component={Link}
      to={to}
      label={label}
      leftSection={<Icon />}
      active={to === '/' ? path === '/' || path.startsWith('/jobs') : path.startsWith(to)}
      style={{ borderRadius: 'var(--mantine-radius-md)' }}
    />
  ))
}

function Who() {
  const { me } = useMe()
  if (!me) return null
  return (
    <Text size="sm" c="dimmed" className="cut" visibleFrom="sm" title={me.id}>
      {me.email ?? me.id}
      {me.admin && ', admin'}
    </Text>
  )
}

export function SchemeSwitch() {
  const { setColorScheme } = useMantineColorScheme()
  const scheme = useComputedColorScheme('light')
  const other = scheme === 'dark' ? 'light' : 'dark'
  return (
    <ActionIcon
      variant="subtle"
      color="gray"
      size="lg"
      onClick={() => setColorScheme(other)}
      aria-label={`Show it ${other}`}
    >
      {scheme === 'dark' ? <IconSun /> : <IconMoon />}
    </ActionIcon>
  )
}

function SignOut() {
  async function leave() {
    if (apiKey() === null) await answer(client.POST('/logout')).catch(() => undefined)
    endSession('')
  }
  return (
    <ActionIcon variant="subtle" color="gray" size="lg" onClick={leave} aria-label="Sign out">
      <IconSignOut />
    </ActionIcon>
  )
}
