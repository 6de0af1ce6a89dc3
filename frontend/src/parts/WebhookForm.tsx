import { Checkbox, Group, SegmentedControl, Stack, Switch, TagsInput, Text, TextInput } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { datasetsQuery } from '../api/datasets'
import type { WebhookAnswer } from '../api/schema'
import { changeWebhook, registerWebhook, webhookKey, webhooksQuery } from '../api/webhooks'
import { useMe } from '../session/useMe'
import { EVENTS } from '../words/webhook'
import { DialogForm } from './FormDialog'

const SCOPES = [
  { value: 'own', label: 'Your jobs' },
  { value: 'all', label: 'Everybody’s jobs' },
]

interface Props {
  webhook: WebhookAnswer | null
  close: () => void
  done?: (webhook: WebhookAnswer) => void
}

/** Who is told of what; null: a new one. */
export function WebhookForm({ webhook, close, done }: Props) {
  const { admin } = useMe()
  const queries = useQueryClient()
  const datasets = useQuery(datasetsQuery)
  const [url, setUrl] = useState(webhook?.url ?? 'https://')
  const [events, setEvents] = useState<string[]>(webhook?.events ?? EVENTS.map(({ value }) => value))
  const [only, setOnly] = useState(webhook?.datasets ?? [])
  const [description, setDescription] = useState(webhook?.description ?? '')
  const [enabled, setEnabled] = useState(webhook?.enabled ?? true)
  const [scope, setScope] = useState<WebhookAnswer['scope']>('own')
  return (
    <DialogForm
      verb={webhook === null ? 'Register' : 'Save'}
      ready={/^https:\/\/[^/]/.test(url.trim()) && events.length > 0}
      close={close}
      run={async () => {
        const body = {
          url: url.trim(),
          events: EVENTS.map(({ value }) => value).filter((event) => events.includes(event)),
          datasets: only,
          description: description.trim(),
          enabled,
        }
        const told =
          webhook === null ? await registerWebhook({ ...body, scope }) : await changeWebhook(webhook.webhook_id, body)
        queries.setQueryData(webhookKey(told.webhook_id), told)
        await queries.invalidateQueries({ queryKey: webhooksQuery.queryKey, exact: true })
        done?.(told)
      }}
    >
      <TextInput
        label="URL"
        description="https, on the public internet. It gets a POST as Standard Webhooks has it."
        type="url"
        value={url}
        onChange={(event) => setUrl(event.currentTarget.value)}
        data-autofocus
      />
      <Checkbox.Group label="It is told of jobs that have" value={events} onChange={setEvents}>
        <Group mt="xs">
          {EVENTS.map(({ value, label }) => (
            <Checkbox key={value} value={value} label={label.toLowerCase()} />
          ))}
        </Group>
      </Checkbox.Group>
      {webhook === null && admin && (
        <Stack gap={4}>
          <SegmentedControl
            aria-label="Whose jobs"
            data={SCOPES}
            value={scope}
            onChange={(value) => setScope(value as WebhookAnswer['scope'])}
          />
          <Text size="sm" c="dimmed">
            {scope === 'own' ? 'Only of jobs that you have asked for.' : 'Of all jobs of this deployment.'}
          </Text>
        </Stack>
      )}
      <TagsInput
        label="Only of these datasets"
        description="All when none is named. Enter ends one."
        data={datasets.data?.map((dataset) => dataset.name) ?? []}
        value={only}
        onChange={setOnly}
        acceptValueOnBlur
        comboboxProps={{ withinPortal: false }}
      />
      <TextInput
        label="Description"
        value={description}
        onChange={(event) => setDescription(event.currentTarget.value)}
        maxLength={500}
      />
      <Switch
        label="Enabled"
        description={enabled ? undefined : 'It is told of nothing until it is enabled again.'}
        checked={enabled}
        onChange={(event) => setEnabled(event.currentTarget.checked)}
      />
    </DialogForm>
  )
}
