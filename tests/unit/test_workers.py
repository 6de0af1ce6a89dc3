"""Workers say that they are there, so that somebody can be told when none is."""

from datetime import UTC, datetime, timedelta

from krai import workers
from krai.backends.local.directory import LocalDirectory

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


async def test_a_worker_is_here_for_as_long_as_it_says_so(directory: LocalDirectory) -> None:
    await workers.say(directory, "a", slots=2, running=1, now=NOW)
    (one,) = await workers.seen(directory)
    assert (one.name, one.slots, one.running, one.seen_at) == ("a", 2, 1, NOW)
    assert one.here(NOW + timedelta(seconds=2 * workers.SAYS_EVERY_S))
    assert not one.here(NOW + timedelta(seconds=3 * workers.SAYS_EVERY_S))
    await workers.leave(directory, "a")
    assert await workers.seen(directory) == []


async def test_who_was_not_heard_of_for_a_day_is_forgotten(directory: LocalDirectory) -> None:
    await workers.say(directory, "a", slots=2, running=1, now=NOW)
    await workers.say(directory, "b", slots=2, running=1, now=NOW + timedelta(hours=2))
    assert await workers.sweep(directory, NOW + timedelta(hours=25)) == 1
    assert [one.name for one in await workers.seen(directory)] == ["b"]
