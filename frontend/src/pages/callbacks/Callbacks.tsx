import { Stack, Text, Title } from '@mantine/core'
import { replaceOwnSecret, showOwnSecret } from '../../api/webhooks'
import { Code } from '../../parts/Code'
import { Commands } from '../../parts/Commands'
import { Page, Section } from '../../parts/Page'
import { SigningSecret } from '../../parts/SigningSecret'
import { useMe } from '../../session/useMe'

const ASKED = `{"dataset": "users", "callback_url": "https://hooks.example.org/krai"}`
const PYTHON = `from standardwebhooks.webhooks import Webhook  # pip install standardwebhooks

message = Webhook(secret).verify(body, headers)  # raises WebhookVerificationError`
const JAVASCRIPT = `import { Webhook } from "standardwebhooks"; // npm install standardwebhooks

const message = new Webhook(secret).verify(body, headers); // throws WebhookVerificationError`

export default function Callbacks() {
  const { me, may } = useMe()
  const allowed = may('export', 'import')
  return (
    <Page
      title="Callbacks"
      subtitle="The place that a request names as its callback_url is told when its job has ended."
    >
      {allowed && (
        <>
          <SigningSecret show={showOwnSecret} replace={replaceOwnSecret} />
          <Section title="Ask for one, and check what comes">
            <Text size="sm" c="dimmed">
              The secret is yours alone: it signs what your own requests have sent. Check the body as it came, before
              you parse it. A registered webhook has a secret of its own, on its page.
            </Text>
            <Code text={ASKED} label="a request with a callback" />
            <Commands ways={{ Python: PYTHON, JavaScript: JAVASCRIPT }} what="the check" />
          </Section>
        </>
      )}
      {me && !allowed && (
        <Stack className="panel" py="xl" gap={4}>
          <Title order={2}>Callbacks are for whoever asks for jobs</Title>
          <Text c="dimmed">You may neither export nor import with what you have signed in with.</Text>
        </Stack>
      )}
    </Page>
  )
}
