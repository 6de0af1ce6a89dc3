import { Textarea, TextInput } from '@mantine/core'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import type { SettingAnswer } from '../../api/schema'
import { putSetting, settingsQuery } from '../../api/settings'
import { DialogForm } from '../../parts/FormDialog'
import { kindOf, readValue, textOf } from '../../words/setting'

const NAME = /^[a-z][a-z0-9_.-]{0,62}$/

/** A setting's value, and the name of a new one (null). */
export function SettingForm({ setting, close }: { setting: SettingAnswer | null; close: () => void }) {
  const queries = useQueryClient()
  const [name, setName] = useState(setting?.name ?? '')
  const [text, setText] = useState(setting === null ? '' : textOf(setting.value))
  const fits = NAME.test(name)
  return (
    <DialogForm
      verb="Save"
      ready={fits && text !== ''}
      close={close}
      run={async () => {
        await putSetting(name, readValue(text))
        await queries.invalidateQueries({ queryKey: settingsQuery.queryKey })
      }}
    >
      {setting === null && (
        <TextInput
          label="Name"
          placeholder="banner"
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
          error={name !== '' && !fits && 'Takes a small letter, then small letters, digits, _ . and -.'}
          data-autofocus
        />
      )}
      <Textarea
        label="Value"
        description={text === '' ? 'A text, or any JSON.' : `It is taken as ${kindOf(text)}.`}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        autosize
        minRows={3}
        maxRows={14}
        spellCheck={false}
        styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)', fontSize: '0.86rem' } }}
        data-autofocus={setting !== null || undefined}
      />
    </DialogForm>
  )
}
