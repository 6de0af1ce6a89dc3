import { SegmentedControl, Stack, TagsInput, Text, TextInput } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import type { Role, UserAnswer } from '../../api/schema'
import { putUser, usersQuery } from '../../api/users'
import { DialogForm } from '../../parts/FormDialog'

const ROLES = [
  { value: 'user', label: 'User' },
  { value: 'admin', label: 'Admin' },
]
const MEANS = {
  user: 'Exports and imports, and sees the jobs of their own.',
  admin: 'Sees and may do everything, also of others, and changes who is let in.',
} as const
const EMAIL = /^[^\s@]+@[^\s@]+$/
const GROUP = /^[a-z][a-z0-9_-]{0,62}$/

/** Who is let in, and what for; null: somebody new. */
export function UserForm({ user, close }: { user: UserAnswer | null; close: () => void }) {
  const queries = useQueryClient()
  const known = queries.getQueryData(usersQuery.queryKey) ?? []
  const [email, setEmail] = useState(user?.email ?? '')
  const [role, setRole] = useState<Role>(user?.role ?? 'user')
  const [groups, setGroups] = useState(user?.groups ?? [])
  const unfit = groups.filter((group) => !GROUP.test(group))
  const there = user === null && known.some((one) => one.email === email.trim().toLowerCase())
  return (
    <DialogForm
      verb={user === null ? 'Let in' : 'Save'}
      ready={EMAIL.test(email.trim()) && unfit.length === 0 && !there}
      close={close}
      run={async () => {
        await putUser({ email: email.trim(), role, groups })
        await queries.invalidateQueries({ queryKey: usersQuery.queryKey })
      }}
    >
      {user === null && (
        <TextInput
          label="E-mail"
          description="As the provider knows it."
          type="email"
          value={email}
          onChange={(event) => setEmail(event.currentTarget.value)}
          error={there && 'This address is on the list.'}
          data-autofocus
        />
      )}
      <Stack gap={4}>
        <SegmentedControl aria-label="Role" data={ROLES} value={role} onChange={(value) => setRole(value as Role)} />
        <Text size="sm" c="dimmed">
          {MEANS[role]}
        </Text>
      </Stack>
      <TagsInput
        label="Groups"
        description="Datasets are granted to them. Enter ends one."
        data={[...new Set(known.flatMap((one) => one.groups))].sort()}
        value={groups}
        onChange={setGroups}
        acceptValueOnBlur
        comboboxProps={{ withinPortal: false, position: 'top' }}
        error={unfit.length > 0 && 'A group takes a small letter, then small letters, digits, _ and -.'}
      />
    </DialogForm>
  )
}
