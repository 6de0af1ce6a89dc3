import { Button, Group, Skeleton, Text, Timeline } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { settingQuery } from '../../api/settings'
import { Ago } from '../../parts/Ago'
import { Failure } from '../../parts/Failure'
import { textOf } from '../../words/setting'

/** Who has made what of a setting, newest first. */
export function Changes({ name, close }: { name: string; close: () => void }) {
  const { data, error, refetch } = useQuery(settingQuery(name))
  if (error) return <Failure error={error} again={() => void refetch()} />
  if (!data) return <Skeleton height={120} radius="lg" />
  return (
    <>
      <Timeline active={0} bulletSize={14} lineWidth={2}>
        {data.changes.map((change) => (
          <Timeline.Item
            key={change.at}
            title={change.deleted ? 'Deleted' : <span className="mono value">{textOf(change.value)}</span>}
          >
            <Text component="div" size="sm" c="dimmed">
              <Ago at={change.at} /> by {change.by}
            </Text>
          </Timeline.Item>
        ))}
      </Timeline>
      <Group justify="flex-end">
        <Button variant="default" onClick={close}>
          Close
        </Button>
      </Group>
    </>
  )
}
