import { Alert, Badge, Group, Stack, Text, Title } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { keysQuery, revokeKey } from '../../api/keys'
import type { KeyAnswer } from '../../api/schema'
import { Ago } from '../../parts/Ago'
import { Confirmed } from '../../parts/Confirmed'
import { useNow } from '../../parts/clock'
import { FormDialog } from '../../parts/FormDialog'
import { IconPlus } from '../../parts/icons'
import { Listing, Loaded } from '../../parts/Listing'
import { Page } from '../../parts/Page'
import { endSession } from '../../session/session'
import { useMe } from '../../session/useMe'
import { NewKey } from './NewKey'
import { Rotate } from './Rotate'

export default function Keys() {
  const { me, admin } = useMe()
  // A key makes no keys: whoever found one could keep what it opens.
  const byKey = me?.id.startsWith('key:') ?? false
  return (
    <Page
      title="API keys"
      subtitle={`For scripts and programs. ${admin ? 'An admin sees those of all.' : 'These are yours, and end with you.'}`}
      actions={
        me &&
        !byKey && (
          <FormDialog label="New key" icon={<IconPlus />}>
            {(close) => <NewKey close={close} />}
          </FormDialog>
        )
      }
    >
      {byKey && (
        <Alert variant="light" color="gray">
          You have signed in with a key, and a key makes no others. Sign in by a provider to make one, or with the key
          of the deployment.
        </Alert>
      )}
      <Loaded query={useQuery(keysQuery)} empty={<Empty />}>
        {(keys) => <Listed keys={keys} owned={admin} own={me?.id ?? ''} />}
      </Loaded>
    </Page>
  )
}

function Listed({ keys, owned, own }: { keys: readonly KeyAnswer[]; owned: boolean; own: string }) {
  const queries = useQueryClient()
  async function revoke(key: KeyAnswer) {
    await revokeKey(key.key_id)
    if (own === `key:${key.key_id}`) endSession('')
    else await queries.invalidateQueries({ queryKey: keysQuery.queryKey })
  }
  return (
    <Listing
      label="API keys"
      items={keys}
      keyOf={(key) => key.key_id}
      columns={[
        {
          name: 'Name',
          cell: (key) => (
            <div>
              <b>{key.name}</b>
              <Text size="xs" c="dimmed" className="mono">
                {key.key_id}
                {own === `key:${key.key_id}` && ', in use here'}
              </Text>
            </div>
          ),
        },
        owned && { name: 'Of', cell: (key) => key.email ?? key.owner },
        {
          name: 'May',
          cell: (key) => (
            <Group gap={4}>
              {key.scopes.map((scope) => (
                <Badge key={scope} variant="default" tt="none" fw={500}>
                  {scope}
                </Badge>
              ))}
            </Group>
          ),
        },
        { name: 'Created', cell: (key) => <Ago at={key.created_at} /> },
        { name: 'Last used', cell: (key) => (key.last_used_at ? <Ago at={key.last_used_at} /> : 'never') },
        { name: 'Ends', cell: (key) => <Ends at={key.expires_at} /> },
        {
          name: 'Actions',
          acts: true,
          cell: (key) => (
            <>
              <FormDialog label="Rotate" about={key.name} title={`A new secret for ${key.name}`} inRow>
                {(close) => <Rotate apiKey={key} close={close} />}
              </FormDialog>
              <Confirmed
                label="Revoke"
                about={key.name}
                inRow
                danger
                question={`“${key.name}” lets nobody in any more. Jobs that it has started go on. This cannot be taken back.`}
                verb="Revoke the key"
                run={() => revoke(key)}
              />
            </>
          ),
        },
      ]}
    />
  )
}

function Ends({ at }: { at: string | null }) {
  const now = useNow()
  if (at === null) return 'never'
  if (Date.parse(at) > now) return <Ago at={at} />
  return (
    <span className="status" data-status="FAILED">
      ended
    </span>
  )
}

function Empty() {
  return (
    <Stack className="panel" py="xl" gap={4}>
      <Title order={2}>There is no key yet</Title>
      <Text c="dimmed">
        A key lets a script in without you: it goes in the header <span className="mono">x-api-key</span>, or for the
        command <span className="mono">krai</span> in <span className="mono">KRAI_API_KEY</span>.
      </Text>
    </Stack>
  )
}
