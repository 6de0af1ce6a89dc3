import { Checkbox, Select, Stack, TextInput } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { keysQuery, makeKey } from '../../api/keys'
import type { NewKey as Made, Scope } from '../../api/schema'
import { DialogForm } from '../../parts/FormDialog'
import { useMe } from '../../session/useMe'
import { Secret } from './Secret'

const SCOPES: [Scope, string, string][] = [
  ['read', 'Read', 'Sees datasets, and jobs of its own.'],
  ['export', 'Export', 'Asks for exports and fetches their files.'],
  ['import', 'Import', 'Uploads files and changes datasets.'],
  ['admin', 'Admin', 'Everything, and everybody’s: seldom what a script needs.'],
]
const USUAL: Scope[] = ['read', 'export', 'import']
const NEVER = 'never'
const LASTS = [
  { value: '7', label: '7 days' },
  { value: '30', label: '30 days' },
  { value: '90', label: '90 days' },
  { value: '365', label: 'a year' },
  { value: NEVER, label: 'until it is revoked' },
]

/** What a new key is for and may do; then its secret. */
export function NewKey({ close }: { close: () => void }) {
  const { may } = useMe()
  const queries = useQueryClient()
  const offered = SCOPES.filter(([scope]) => may(scope))
  const [name, setName] = useState('')
  const [scopes, setScopes] = useState<Scope[]>(USUAL.filter((scope) => may(scope)))
  const [days, setDays] = useState('90')
  const [made, setMade] = useState<Made | null>(null)
  if (made) return <Secret made={made} close={close} />
  return (
    <DialogForm
      verb="Make the key"
      ready={name.trim() !== '' && scopes.length > 0}
      stays
      close={close}
      run={async () => {
        const expires = days === NEVER ? null : Number(days)
        setMade(await makeKey({ name: name.trim(), scopes, expires_in_days: expires }))
        await queries.invalidateQueries({ queryKey: keysQuery.queryKey })
      }}
    >
      <TextInput
        label="What it is for"
        placeholder="nightly export"
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        maxLength={100}
        data-autofocus
      />
      <Checkbox.Group label="What it may do" value={scopes} onChange={(chosen) => setScopes(chosen as Scope[])}>
        <Stack gap="xs" mt="xs">
          {offered.map(([scope, label, description]) => (
            <Checkbox key={scope} value={scope} label={label} description={description} />
          ))}
        </Stack>
      </Checkbox.Group>
      <Select
        label="How long it works"
        data={LASTS}
        value={days}
        onChange={(chosen) => setDays(chosen ?? '90')}
        allowDeselect={false}
      />
    </DialogForm>
  )
}
