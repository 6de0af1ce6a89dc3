import { Stack, Text, Title } from '@mantine/core'
import type { ReactNode } from 'react'
import { useMe } from '../session/useMe'

/** What is for admins; to all others it says so, and krai is not asked. */
export function AdminsOnly({ what, children }: { what: string; children: ReactNode }) {
  const { me, admin } = useMe()
  if (admin) return children
  if (!me) return null
  return (
    <Stack className="panel" py="xl" gap={4}>
      <Title order={2}>This is for admins</Title>
      <Text c="dimmed">{what}</Text>
    </Stack>
  )
}
