"""The end of a job together with the webhooks that want to hear of it: one write, so none of them can be forgotten."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from krai import metrics
from krai.job import Callback, Job, Status
from krai.ports import Stores
from krai.transitions import look_again, lose
from krai.webhooks import registered
from krai.webhooks.registered import Webhook

Ending = Callable[[Job], Job]  # `krai.transitions` has them


async def swap(stores: Stores, job: Job, ending: Ending) -> Job:
    """End the stored job, for whoever has no lease on it. Raises Conflict, Transient."""
    ended = await stores.jobs.swap(job, told(ending(lose(job)), await registered.of_job(stores.directory, job)))
    count(ended)
    return ended


def count(ended: Job) -> None:
    """Note an end that was written here."""
    code = None if ended.error is None or ended.status is not Status.FAILED else ended.error["code"]
    metrics.job_ended(ended.type, ended.status, code, (ended.updated_at - ended.created_at).total_seconds())


def told(ended: Job, webhooks: Sequence[Webhook]) -> Job:
    """The job that has just ended, with a delivery due to each of the webhooks that wants it."""
    wanted = [webhook for webhook in webhooks if webhook.wants(ended)]
    deliveries = [Callback(url="", base_url=one.base_url, webhook_id=one.webhook_id, next_at=ended.finished_at) for one in wanted]
    return look_again(replace(ended, deliveries=tuple(deliveries)))
