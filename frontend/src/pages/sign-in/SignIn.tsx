import { Alert, Button, Center, Divider, Group, PasswordInput, Stack, Text, Title } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useRouter, useSearch } from '@tanstack/react-router'
import { type FormEvent, useEffect, useState } from 'react'
import { ProblemError } from '../../api/problem'
import { apiUrl, config } from '../../config'
import { Failure } from '../../parts/Failure'
import { SchemeSwitch } from '../../parts/Shell'
import { meQuery } from '../../session/me'
import { forgetApiKey, keepApiKey } from '../../session/session'

const REASONS: Record<string, string> = {
  not_allowed: 'Your address is not, or no longer, on the list of those who may use krai. An admin can add it.',
  invalid_key: 'The API key is good no more: it was revoked, or has expired.',
  unauthenticated: 'Your session has ended.',
  invalid_token: 'Your session has ended.',
}

export default function SignIn() {
  const { reason, next } = useSearch({ from: '/sign-in' })
  useEffect(() => {
    document.title = `Sign in · ${config.customer}`
  }, [])
  const after = `/ui${next ?? '/'}`
  return (
    <Center component="main" mih="100vh" p="md">
      <Stack w="100%" maw={400} gap="lg">
        <Group justify="space-between">
          <Group gap="sm">
            <img src="/ui/icon.svg" alt="" width={32} height={32} />
            <Text fw={600}>{config.customer}</Text>
          </Group>
          <SchemeSwitch />
        </Group>
        <Title order={1}>Sign in</Title>
        {reason && (
          <Alert color="gray" variant="light" title="You are signed out" role="status">
            {REASONS[reason] ?? 'krai does not let you in any more.'}
          </Alert>
        )}
        {config.signIn.map((way) => (
          <Button
            key={way.url}
            component="a"
            href={`${apiUrl}${way.url}${way.url.includes('?') ? '&' : '?'}next=${encodeURIComponent(after)}`}
            size="md"
            variant="default"
            fullWidth
          >
            Sign in with {way.name}
          </Button>
        ))}
        {config.signIn.length > 0 && <Divider label="or" />}
        <ByKey next={next ?? '/'} first={config.signIn.length === 0} />
      </Stack>
    </Center>
  )
}

function ByKey({ next, first }: { next: string; first: boolean }) {
  const [key, setKey] = useState('')
  const queries = useQueryClient()
  const router = useRouter()
  const enter = useMutation({
    mutationFn: async () => {
      keepApiKey(key.trim())
      queries.removeQueries({ queryKey: meQuery.queryKey })
      await queries.fetchQuery(meQuery)
    },
    onSuccess: () => router.history.push(`/ui${next}`),
    onError: forgetApiKey,
  })
  function submit(event: FormEvent) {
    event.preventDefault()
    enter.mutate()
  }
  const wrong = enter.error instanceof ProblemError && enter.error.code === 'invalid_key'
  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        <PasswordInput
          label="API key"
          description="It is kept in this tab alone, until you close it."
          value={key}
          onChange={(event) => setKey(event.currentTarget.value)}
          autoFocus={first}
          autoComplete="off"
          spellCheck={false}
          error={wrong ? 'krai knows no such key.' : undefined}
          required
          withAsterisk={false}
        />
        {enter.error && !wrong && <Failure error={enter.error} />}
        <Button type="submit" loading={enter.isPending} variant={first ? 'filled' : 'light'}>
          Sign in with the key
        </Button>
      </Stack>
    </form>
  )
}
