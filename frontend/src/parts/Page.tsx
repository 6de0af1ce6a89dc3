import { Group, Stack, Text, Title } from '@mantine/core'
import { type ReactNode, useEffect } from 'react'
import { config } from '../config'

/** The frame of a page: its title, what can be done with it, and its content. */
export function Page(props: { title: string; subtitle?: ReactNode; actions?: ReactNode; children: ReactNode }) {
  useEffect(() => {
    document.title = `${props.title} · ${config.customer}`
  }, [props.title])
  return (
    <Stack gap="lg" maw={1240} mx="auto">
      <Group justify="space-between" align="flex-start" gap="sm">
        <div style={{ minWidth: 0 }}>
          <Title order={1} tabIndex={-1}>
            {props.title}
          </Title>
          {props.subtitle && (
            <Text component="div" size="sm" c="dimmed" mt={4}>
              {props.subtitle}
            </Text>
          )}
        </div>
        {props.actions && <Group gap="xs">{props.actions}</Group>}
      </Group>
      {props.children}
    </Stack>
  )
}

/** A part of a page with a heading of its own. */
export function Section(props: { title: string; actions?: ReactNode; children: ReactNode }) {
  return (
    <section className="panel">
      <Stack gap="md">
        <Group justify="space-between">
          <Title order={2}>{props.title}</Title>
          {props.actions}
        </Group>
        {props.children}
      </Stack>
    </section>
  )
}
