import { createRootRoute, createRoute, createRouter, lazyRouteComponent, redirect } from '@tanstack/react-router'
import type { JobFilters } from './api/jobs'
import { isSignedOut } from './api/problem'
import { PageFailure, PageMissing } from './parts/Fallbacks'
import { Shell } from './parts/Shell'
import { queryClient } from './query'
import { meQuery } from './session/me'
import { forgetApiKey } from './session/session'

const KINDS = ['export', 'import', 'drop', 'undo'] as const
const STATES = ['PENDING', 'PROCESSING', 'COMPLETED', 'FAILED', 'CANCELLED'] as const

function oneOf<T extends string>(values: readonly T[], value: unknown): T | undefined {
  return values.find((one) => one === value)
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' || typeof value === 'number' ? String(value) || undefined : undefined
}

/** `value` without the members that are undefined. */
function told<T extends object>(value: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>
  }
}

const root = createRootRoute({ notFoundComponent: PageMissing })

export interface SignInSearch {
  reason?: string
  next?: string
}

const signIn = createRoute({
  getParentRoute: () => root,
  path: '/sign-in',
  validateSearch: (search): SignInSearch => told({ reason: text(search.reason), next: text(search.next) }),
  component: lazyRouteComponent(() => import('./pages/sign-in/SignIn')),
})

const inside = createRoute({
  getParentRoute: () => root,
  id: 'inside',
  component: Shell,
  beforeLoad: async ({ location }) => {
    try {
      await queryClient.ensureQueryData(meQuery)
    } catch (error) {
      if (!isSignedOut(error)) throw error
      forgetApiKey()
      const reason = error.code === 'unauthenticated' ? {} : { reason: error.code }
      throw redirect({ to: '/sign-in', search: { ...reason, next: location.href } })
    }
  },
})

const jobs = createRoute({
  getParentRoute: () => inside,
  path: '/',
  validateSearch: (search): JobFilters =>
    told({
      type: oneOf(KINDS, search.type),
      status: oneOf(STATES, search.status),
      dataset: text(search.dataset),
      label: text(search.label),
    }),
  component: lazyRouteComponent(() => import('./pages/jobs/Jobs')),
})

const job = createRoute({
  getParentRoute: () => inside,
  path: '/jobs/$jobId',
  component: lazyRouteComponent(() => import('./pages/job/Job')),
})

const newExport = createRoute({
  getParentRoute: () => inside,
  path: '/exports/new',
  validateSearch: (search): { dataset?: string; as_of?: string } =>
    told({ dataset: text(search.dataset), as_of: text(search.as_of) }),
  component: lazyRouteComponent(() => import('./pages/new-export/NewExport')),
})

const newImport = createRoute({
  getParentRoute: () => inside,
  path: '/imports/new',
  validateSearch: (search): { dataset?: string } => told({ dataset: text(search.dataset) }),
  component: lazyRouteComponent(() => import('./pages/new-import/NewImport')),
})

const datasets = createRoute({
  getParentRoute: () => inside,
  path: '/datasets',
  validateSearch: (search): { find?: string } => told({ find: text(search.find) }),
  component: lazyRouteComponent(() => import('./pages/datasets/Datasets')),
})

const dataset = createRoute({
  getParentRoute: () => inside,
  path: '/datasets/$name',
  component: lazyRouteComponent(() => import('./pages/dataset/Dataset')),
})

const keys = createRoute({
  getParentRoute: () => inside,
  path: '/keys',
  component: lazyRouteComponent(() => import('./pages/keys/Keys')),
})

const webhooks = createRoute({
  getParentRoute: () => inside,
  path: '/webhooks',
  component: lazyRouteComponent(() => import('./pages/webhooks/Webhooks')),
})

const webhook = createRoute({
  getParentRoute: () => inside,
  path: '/webhooks/$webhookId',
  component: lazyRouteComponent(() => import('./pages/webhook/Webhook')),
})

const callbacks = createRoute({
  getParentRoute: () => inside,
  path: '/callbacks',
  component: lazyRouteComponent(() => import('./pages/callbacks/Callbacks')),
})

const grants = createRoute({
  getParentRoute: () => inside,
  path: '/grants',
  component: lazyRouteComponent(() => import('./pages/grants/Grants')),
})

const users = createRoute({
  getParentRoute: () => inside,
  path: '/users',
  component: lazyRouteComponent(() => import('./pages/users/Users')),
})

const settings = createRoute({
  getParentRoute: () => inside,
  path: '/settings',
  component: lazyRouteComponent(() => import('./pages/settings/Settings')),
})

const WORK = [jobs, job, newExport, newImport, datasets, dataset] as const
const HOUSE = [keys, webhooks, webhook, callbacks, users, grants, settings] as const

export const router = createRouter({
  routeTree: root.addChildren([signIn, inside.addChildren([...WORK, ...HOUSE])]),
  basepath: '/ui',
  defaultErrorComponent: PageFailure,
  defaultPreload: 'intent',
  scrollRestoration: true,
})

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router
  }
}
