import { Tabs } from '@mantine/core'
import type { JobAnswer } from '../../api/schema'
import { apiUrl } from '../../config'
import { Code } from '../../parts/Code'
import { Section } from '../../parts/Page'
import { bodyOf, curlOf } from '../../words/request'

/** What was asked, to be asked again. */
export function Request({ job }: { job: JobAnswer }) {
  const body = bodyOf(job)
  const command = curlOf(apiUrl, job)
  if (body === null && command === null) return null
  return (
    <Section title="Request">
      <Tabs defaultValue={body === null ? 'curl' : 'json'}>
        <Tabs.List mb="sm">
          {body !== null && <Tabs.Tab value="json">JSON</Tabs.Tab>}
          {command !== null && <Tabs.Tab value="curl">curl</Tabs.Tab>}
        </Tabs.List>
        {body !== null && (
          <Tabs.Panel value="json">
            <Code text={JSON.stringify(body, null, 2)} label="the request" />
          </Tabs.Panel>
        )}
        {command !== null && (
          <Tabs.Panel value="curl">
            <Code text={command} label="the command" />
          </Tabs.Panel>
        )}
      </Tabs>
    </Section>
  )
}
