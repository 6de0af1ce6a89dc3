import { Select, Text } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { keysQuery, rotateKey } from '../../api/keys'
import type { KeyAnswer, NewKey } from '../../api/schema'
import { DialogForm } from '../../parts/FormDialog'
import { meQuery } from '../../session/me'
import { keepApiKey } from '../../session/session'
import { Secret } from './Secret'

const KEPT = [
  { value: '0', label: 'not at all: it may have leaked' },
  { value: '1', label: 'an hour' },
  { value: '24', label: 'a day' },
  { value: '168', label: 'a week' },
]

/** A new secret for a key, and how long the old one goes on working. */
export function Rotate({ apiKey, close }: { apiKey: KeyAnswer; close: () => void }) {
  const queries = useQueryClient()
  const [hours, setHours] = useState('24')
  const [made, setMade] = useState<NewKey | null>(null)
  if (made) return <Secret made={made} close={close} />
  return (
    <DialogForm
      verb="Make a new secret"
      ready
      stays
      close={close}
      run={async () => {
        const renewed = await rotateKey({ key_id: apiKey.key_id, keep_old_hours: Number(hours) })
        // This tab goes on with the new one where the old one was its own.
        if (queries.getQueryData(meQuery.queryKey)?.id === `key:${apiKey.key_id}`) keepApiKey(renewed.key)
        setMade(renewed)
        await queries.invalidateQueries({ queryKey: keysQuery.queryKey })
      }}
    >
      <Text size="sm">What it may do and when it ends stay as they are.</Text>
      <Select
        label="The old secret goes on working"
        data={KEPT}
        value={hours}
        onChange={(chosen) => setHours(chosen ?? '24')}
        allowDeselect={false}
        data-autofocus
      />
    </DialogForm>
  )
}
