import '@mantine/core/styles.css'
import './styles.css'
import { localStorageColorSchemeManager, MantineProvider } from '@mantine/core'
import { QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { queryClient } from './query'
import { router } from './router'
import { onSessionEnd } from './session/session'
import { theme } from './theme'

onSessionEnd((reason) => {
  const { pathname, href } = router.state.location
  queryClient.clear()
  if (pathname === '/sign-in') return
  const why = reason === '' ? {} : { reason, next: href }
  void router.navigate({ to: '/sign-in', search: why })
})

const scheme = localStorageColorSchemeManager({ key: 'krai-color-scheme' })

createRoot(document.getElementById('root') as HTMLElement).render(
  <StrictMode>
    <MantineProvider theme={theme} defaultColorScheme="auto" colorSchemeManager={scheme}>
      <QueryClientProvider client={queryClient}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
)
