import { Button } from '@mantine/core'
import { type ErrorComponentProps, Link } from '@tanstack/react-router'
import { Failure } from './Failure'
import { Page } from './Page'

/** For an address that is no page. */
export function PageMissing() {
  return (
    <main style={{ padding: '2rem 1rem' }}>
      <Page title="There is no such page">
        <p>The address may be misspelt, or what it was about has been deleted.</p>
        <div>
          <Button component={Link} to="/" variant="light">
            To all jobs
          </Button>
        </div>
      </Page>
    </main>
  )
}

/** For a page that cannot be shown. */
export function PageFailure({ error, reset }: ErrorComponentProps) {
  return (
    <main style={{ padding: '2rem 1rem' }}>
      <Page title="This page cannot be shown">
        <Failure error={error} again={reset} />
      </Page>
    </main>
  )
}
