import type { JobAnswer } from '../../api/schema'
import { apiUrl } from '../../config'
import { Commands } from '../../parts/Commands'
import { Section } from '../../parts/Page'
import { exportCommand } from '../../words/command'
import { bodyOf, curlOf } from '../../words/request'

/** What was asked, to be asked again. */
export function Request({ job }: { job: JobAnswer }) {
  const body = bodyOf(job)
  const command = curlOf(apiUrl, job)
  if (body === null && command === null) return null
  return (
    <Section title="Request">
      <Commands
        ways={{
          JSON: body && JSON.stringify(body, null, 2),
          curl: command,
          krai: job.type === 'export' && body ? exportCommand(body) : null,
        }}
      />
    </Section>
  )
}
