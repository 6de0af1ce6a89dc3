import { Stack, Text, Title } from '@mantine/core'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { deleteSetting, settingsQuery } from '../../api/settings'
import { Ago } from '../../parts/Ago'
import { Confirmed } from '../../parts/Confirmed'
import { FormDialog } from '../../parts/FormDialog'
import { IconPlus } from '../../parts/icons'
import { Listing, Loaded } from '../../parts/Listing'
import { Page } from '../../parts/Page'
import { useMe } from '../../session/useMe'
import { textOf } from '../../words/setting'
import { Changes } from './Changes'
import { SettingForm } from './SettingForm'
import './settings.css'

export default function Settings() {
  const { admin } = useMe()
  const queries = useQueryClient()
  return (
    <Page
      title="Settings"
      subtitle={`Values that everybody reads${admin ? ', and admins change.' : '. Admins change them.'}`}
      actions={
        admin && (
          <FormDialog label="New setting" icon={<IconPlus />}>
            {(close) => <SettingForm setting={null} close={close} />}
          </FormDialog>
        )
      }
    >
      <Loaded query={useQuery(settingsQuery)} empty={<Empty />}>
        {(settings) => (
          <Listing
            label="Settings"
            items={settings}
            keyOf={(setting) => setting.name}
            columns={[
              { name: 'Name', cell: (setting) => <b>{setting.name}</b> },
              { name: 'Value', cell: (setting) => <span className="mono value">{textOf(setting.value, 0)}</span> },
              {
                name: 'Changed',
                cell: (setting) => (
                  <div>
                    <Ago at={setting.updated_at} />
                    <Text size="xs" c="dimmed">
                      by {setting.updated_by}
                    </Text>
                  </div>
                ),
              },
              {
                name: 'Actions',
                acts: true,
                cell: (setting) => (
                  <>
                    <FormDialog label="History" about={setting.name} title={`Changes of ${setting.name}`} inRow>
                      {(close) => <Changes name={setting.name} close={close} />}
                    </FormDialog>
                    {admin && (
                      <FormDialog label="Change" about={setting.name} title={setting.name} inRow>
                        {(close) => <SettingForm setting={setting} close={close} />}
                      </FormDialog>
                    )}
                    {admin && (
                      <Confirmed
                        label="Delete"
                        about={setting.name}
                        inRow
                        danger
                        question={`“${setting.name}” has no value any more. What it was stays on record.`}
                        verb="Delete the setting"
                        run={async () => {
                          await deleteSetting(setting.name)
                          await queries.invalidateQueries({ queryKey: settingsQuery.queryKey })
                        }}
                      />
                    )}
                  </>
                ),
              },
            ]}
          />
        )}
      </Loaded>
    </Page>
  )
}

function Empty() {
  return (
    <Stack className="panel" py="xl" gap={4}>
      <Title order={2}>There are no settings</Title>
      <Text c="dimmed">
        A setting is a name and any value, such as a banner, that programs and pages read from{' '}
        <span className="mono">/settings</span>. How krai itself runs is set by its environment.
      </Text>
    </Stack>
  )
}
