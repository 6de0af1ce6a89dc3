import { Badge, Group, Stack, Text, Title } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { grantsQuery, removeGrant } from '../../api/grants'
import type { GrantAnswer } from '../../api/schema'
import { AdminsOnly } from '../../parts/AdminsOnly'
import { Ago } from '../../parts/Ago'
import { Confirmed } from '../../parts/Confirmed'
import { FormDialog } from '../../parts/FormDialog'
import { IconPlus } from '../../parts/icons'
import { Listing, Loaded } from '../../parts/Listing'
import { Page } from '../../parts/Page'
import { useMe } from '../../session/useMe'
import { resourceOf } from '../../words/grant'
import { GrantForm } from './GrantForm'

export default function Grants() {
  const { admin } = useMe()
  return (
    <Page
      title="Grants"
      subtitle="Who may read and write a dataset, and import from a bucket."
      actions={
        admin && (
          <FormDialog label="New grant" icon={<IconPlus />}>
            {(close) => <GrantForm grant={null} close={close} />}
          </FormDialog>
        )
      }
    >
      <AdminsOnly what="Whoever needs a dataset or a bucket is granted it by one.">
        <Listed />
      </AdminsOnly>
    </Page>
  )
}

function Listed() {
  const queries = useQueryClient()
  return (
    <Loaded query={useQuery(grantsQuery)} empty={<Empty />}>
      {(grants) => (
        <Listing
          label="Grants"
          items={grants}
          keyOf={(grant) => grant.resource}
          columns={[
            { name: 'Of', cell: ofWhat },
            { name: 'May read', cell: ({ read }) => <Named grantees={read} none="admins alone" /> },
            {
              name: 'May read and write',
              cell: (grant) =>
                isBucket(grant) ? (
                  <span className="quiet">–</span>
                ) : (
                  <Named grantees={grant.write} none="admins alone" />
                ),
            },
            {
              name: 'Changed',
              cell: (grant) => (
                <div>
                  <Ago at={grant.changed_at} />
                  <Text size="xs" c="dimmed">
                    by {grant.changed_by}
                  </Text>
                </div>
              ),
            },
            {
              name: 'Actions',
              acts: true,
              cell: (grant) => (
                <>
                  <FormDialog label="Change" about={grant.resource} title={grant.resource} inRow>
                    {(close) => <GrantForm grant={grant} close={close} />}
                  </FormDialog>
                  <Confirmed
                    label="Remove"
                    about={grant.resource}
                    inRow
                    danger
                    question={
                      isBucket(grant)
                        ? 'Within seconds nobody may import from the bucket.'
                        : 'Within seconds everybody who is let in may read and write the dataset.'
                    }
                    verb="Remove the grant"
                    run={async () => {
                      await removeGrant(grant.resource)
                      await queries.invalidateQueries({ queryKey: grantsQuery.queryKey })
                    }}
                  />
                </>
              ),
            },
          ]}
        />
      )}
    </Loaded>
  )
}

function isBucket({ resource }: GrantAnswer): boolean {
  return resourceOf(resource).kind === 'bucket'
}

function ofWhat(grant: GrantAnswer) {
  const { kind, name } = resourceOf(grant.resource)
  return (
    <div>
      {kind === 'dataset' ? (
        <Link to="/datasets/$name" params={{ name }} className="plain-link">
          <b>{name}</b>
        </Link>
      ) : (
        <b>{name}</b>
      )}
      <Text size="xs" c="dimmed">
        {kind}
      </Text>
    </div>
  )
}

function Named({ grantees, none }: { grantees: readonly string[]; none: string }) {
  if (grantees.length === 0) return <span className="quiet">{none}</span>
  return (
    <Group gap={4}>
      {grantees.map((grantee) => (
        <Badge key={grantee} variant="default" tt="none" fw={500}>
          {grantee === 'all' ? 'all who are let in' : grantee}
        </Badge>
      ))}
    </Group>
  )
}

function Empty() {
  return (
    <Stack className="panel" py="xl" gap={4}>
      <Title order={2}>Every dataset is everybody’s</Title>
      <Text c="dimmed">
        Who is let in may read and write a dataset that has no grant. A bucket without one is nobody’s: no import reads
        it.
      </Text>
    </Stack>
  )
}
