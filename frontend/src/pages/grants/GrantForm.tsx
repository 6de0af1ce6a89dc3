import { Autocomplete, SegmentedControl, TagsInput, TextInput } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { datasetsQuery } from '../../api/datasets'
import { grantsQuery, putGrant } from '../../api/grants'
import type { GrantAnswer } from '../../api/schema'
import { usersQuery } from '../../api/users'
import { DialogForm } from '../../parts/FormDialog'
import { granteeOf, isGrantee, isName, KINDS, type Kind, resourceOf } from '../../words/grant'

/** Who may do what with a dataset or a bucket; null: one that has no grant yet. */
export function GrantForm({ grant, close }: { grant: GrantAnswer | null; close: () => void }) {
  const queries = useQueryClient()
  const datasets = useQuery(datasetsQuery)
  const known = resourceOf(grant?.resource ?? 'dataset/')
  const [kind, setKind] = useState<Kind>(known.kind)
  const [name, setName] = useState(known.name)
  const [read, setRead] = useState(grant?.read ?? [])
  const [write, setWrite] = useState(grant?.write ?? [])
  const fits = isName(kind, name)
  const there =
    grant === null && queries.getQueryData(grantsQuery.queryKey)?.some((one) => one.resource === `${kind}/${name}`)
  const writers = kind === 'dataset' ? write : []
  const wrong = name !== '' && !fits && 'It has no such name.'
  return (
    <DialogForm
      verb="Save"
      ready={fits && !there && [...read, ...writers].every(isGrantee)}
      close={close}
      run={async () => {
        await putGrant({ resource: `${kind}/${name}`, read, write: writers })
        await queries.invalidateQueries({ queryKey: grantsQuery.queryKey })
      }}
    >
      {grant === null && (
        <>
          <SegmentedControl
            aria-label="Of what"
            data={[...KINDS]}
            value={kind}
            onChange={(value) => setKind(value as Kind)}
          />
          {kind === 'dataset' ? (
            <Autocomplete
              label="Dataset"
              description="It need not be there yet."
              data={datasets.data?.map((one) => one.name) ?? []}
              value={name}
              onChange={setName}
              error={there ? 'It has a grant: change that one.' : wrong}
              comboboxProps={{ withinPortal: false }}
            />
          ) : (
            <TextInput
              label="Bucket"
              description="Of Cloud Storage, without gs://."
              value={name}
              onChange={(event) => setName(event.currentTarget.value)}
              error={there ? 'It has a grant: change that one.' : wrong}
            />
          )}
        </>
      )}
      <Grantees
        label={kind === 'dataset' ? 'May see and export it' : 'May import from it'}
        value={read}
        change={setRead}
      />
      {kind === 'dataset' && <Grantees label="May import into it, and read it" value={write} change={setWrite} />}
    </DialogForm>
  )
}

function Grantees(props: { label: string; value: string[]; change: (value: string[]) => void }) {
  const { label, value, change } = props
  const users = useQuery(usersQuery).data ?? []
  const groups = [...new Set(users.flatMap((user) => user.groups))].sort()
  return (
    <TagsInput
      label={label}
      description="An address, a group, all, tenant:name or key:id. Enter ends one; nobody named: admins alone."
      data={['all', ...groups.map((group) => `group:${group}`), ...users.map((user) => `user:${user.email}`)]}
      value={value}
      onChange={(typed) => change([...new Set(typed.map(granteeOf))])}
      acceptValueOnBlur
      comboboxProps={{ withinPortal: false, position: 'top' }}
      error={!value.every(isGrantee) && 'One of these is nobody that krai could know.'}
    />
  )
}
