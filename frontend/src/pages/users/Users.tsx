import { Badge, Group, Stack, Text, Title } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import type { UserAnswer } from '../../api/schema'
import { removeUser, usersQuery } from '../../api/users'
import { AdminsOnly } from '../../parts/AdminsOnly'
import { Ago } from '../../parts/Ago'
import { Confirmed } from '../../parts/Confirmed'
import { FormDialog } from '../../parts/FormDialog'
import { IconPlus } from '../../parts/icons'
import { Listing, Loaded } from '../../parts/Listing'
import { Page } from '../../parts/Page'
import { useMe } from '../../session/useMe'
import { UserForm } from './UserForm'

export default function Users() {
  const { admin } = useMe()
  return (
    <Page
      title="Users"
      subtitle="Who may sign in by a provider, and what for."
      actions={
        admin && (
          <FormDialog label="Add a user" icon={<IconPlus />}>
            {(close) => <UserForm user={null} close={close} />}
          </FormDialog>
        )
      }
    >
      <AdminsOnly what="Whoever is to be let in, or to be an admin, is entered here by one.">
        <Everybody />
      </AdminsOnly>
    </Page>
  )
}

function Everybody() {
  const { me } = useMe()
  const queries = useQueryClient()
  return (
    <Loaded query={useQuery(usersQuery)} empty={<Empty />}>
      {(users) => (
        <Listing
          label="Users"
          items={users}
          keyOf={(user) => user.email}
          columns={[
            {
              name: 'E-mail',
              cell: (user) => (
                <span>
                  <b>{user.email}</b>
                  {user.email === me?.email && <span className="quiet"> (you)</span>}
                </span>
              ),
            },
            { name: 'Role', cell: (user) => (user.role === 'admin' ? 'Admin' : 'User') },
            { name: 'Groups', cell: groupsOf },
            {
              name: 'Added',
              cell: (user) => (
                <div>
                  <Ago at={user.added_at} />
                  <Text size="xs" c="dimmed">
                    by {user.added_by}
                  </Text>
                </div>
              ),
            },
            {
              name: 'Signed in',
              cell: (user) => (
                <span className="status" data-status={user.signed_in ? 'COMPLETED' : 'PENDING'}>
                  {user.signed_in ? 'yes' : 'not yet'}
                </span>
              ),
            },
            {
              name: 'Actions',
              acts: true,
              cell: (user) => (
                <>
                  <FormDialog label="Change" about={user.email} title={user.email} inRow>
                    {(close) => <UserForm user={user} close={close} />}
                  </FormDialog>
                  <Confirmed
                    label="Remove"
                    about={user.email}
                    inRow
                    danger
                    question={`Within a minute ${user.email === me?.email ? 'you are' : `${user.email} is`} let in no more, anywhere, nor are the keys of this person. Jobs that were started go on.`}
                    verb="Remove"
                    run={async () => {
                      await removeUser(user.email)
                      await queries.invalidateQueries({ queryKey: usersQuery.queryKey })
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

function groupsOf({ groups }: UserAnswer) {
  if (groups.length === 0) return <span className="quiet">–</span>
  return (
    <Group gap={4}>
      {groups.map((group) => (
        <Badge key={group} variant="default" tt="none" fw={500}>
          {group}
        </Badge>
      ))}
    </Group>
  )
}

function Empty() {
  return (
    <Stack className="panel" py="xl" gap={4}>
      <Title order={2}>Nobody may sign in by a provider yet</Title>
      <Text c="dimmed">Add somebody by the address they have there. API keys work without this list.</Text>
    </Stack>
  )
}
