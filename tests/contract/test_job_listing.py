"""What every job store promises about listings."""

import base64
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from krai.backends import page_token
from krai.errors import Terminal
from krai.job import Job, Kind, Status, new_id
from krai.ports import JobQuery, JobStore
from tests.contract.conftest import Opener
from tests.contract.examples import START, a_job, all_pages, created, jobs_at


async def _create(jobs: JobStore, *wanted: Job) -> list[Job]:
    return [await created(jobs, job) for job in wanted]


async def test_the_newest_job_comes_first_and_each_once(jobs: JobStore) -> None:
    made = jobs_at(7)
    await _create(jobs, *made)
    ids = [job.job_id for job in reversed(made)]
    assert await all_pages(jobs, page_size=3) == [ids[:3], ids[3:6], ids[6:]]
    assert await all_pages(jobs, page_size=7) == [ids]
    assert await all_pages(jobs, created_by="nobody") == [[]]


async def test_jobs_of_the_same_moment_keep_one_order(jobs: JobStore) -> None:
    made = [a_job() for _ in range(9)]
    await _create(jobs, *made)
    ids = [job_id for page in await all_pages(jobs, page_size=2) for job_id in page]
    assert ids == [job_id for page in await all_pages(jobs, page_size=9) for job_id in page]
    assert sorted(ids) == sorted(job.job_id for job in made)


async def test_pages_stay_where_they_are_while_jobs_come_and_change(open_jobs: Opener[JobStore]) -> None:
    jobs, others = await open_jobs(), await open_jobs()
    made = await _create(jobs, *jobs_at(6))
    first = await jobs.find(JobQuery(page_size=3))
    await _create(others, *(a_job(now=START + timedelta(hours=1)) for _ in range(4)))
    await others.swap(made[2], replace(made[2], updated_at=START + timedelta(hours=2), status=Status.FAILED))
    await others.delete(made[3])
    second = await jobs.find(JobQuery(page_size=3, after=first.next_page))
    assert [job.job_id for job in second.jobs] == [made[n].job_id for n in (2, 1, 0)]
    assert second.next_page is None


@pytest.mark.parametrize(
    ("wanted", "fields"),
    [
        ({"created_by": "me"}, {"created_by": "me"}),
        ({"type": Kind.IMPORT}, {"kind": Kind.IMPORT}),
        ({"dataset": "orders"}, {"dataset": "orders"}),
        ({"label": ("team", "a")}, {"labels": {"team": "a", "other": "b"}}),
        ({"created_by": "me", "type": Kind.IMPORT, "dataset": "orders", "label": ("team", "a")}, None),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, dict) else "",
)
async def test_each_filter_gives_the_jobs_it_names(jobs: JobStore, wanted: dict[str, Any], fields: dict[str, Any] | None) -> None:
    everything = {"created_by": "me", "kind": Kind.IMPORT, "dataset": "orders", "labels": {"team": "a"}}
    near_misses: list[dict[str, Any]] = [{}, {"labels": {"team": "b"}}, {"labels": {"other": "a"}}, {"labels": {"a": "team"}}]
    if fields is None:
        fields = everything
        near_misses += [{**everything, name: value} for name, value in (("created_by", "x"), ("dataset", "x"), ("labels", {}))]
    hits = jobs_at(3, **fields)
    await _create(jobs, *hits, *(a_job(**miss) for miss in near_misses))
    assert await all_pages(jobs, page_size=2, **wanted) == [[hits[2].job_id, hits[1].job_id], [hits[0].job_id]]


async def test_the_status_filter_follows_the_job(jobs: JobStore) -> None:
    job = await created(jobs)
    done = await jobs.swap(job, replace(job, status=Status.COMPLETED))
    assert list((await jobs.find(JobQuery(status=Status.COMPLETED))).jobs) == [done]
    assert await all_pages(jobs, status=Status.PENDING) == [[]]


async def test_the_label_filter_follows_the_job(jobs: JobStore) -> None:
    job = await created(jobs, a_job(labels={"team": "a"}))
    moved = await jobs.swap(job, replace(job, labels={"team": "b"}))
    assert await all_pages(jobs, label=("team", "a")) == [[]]
    assert await all_pages(jobs, label=("team", "b")) == [[moved.job_id]]
    await jobs.delete(moved)
    assert await all_pages(jobs, label=("team", "b")) == [[]]


@pytest.mark.parametrize(
    "other", [{"created_by": "b"}, {"status": Status.FAILED}, {"label": ("x", "y")}, {"dataset": "z"}, {"type": Kind.DROP}]
)
async def test_a_token_is_refused_by_another_listing(jobs: JobStore, other: dict[str, Any]) -> None:
    await _create(jobs, *jobs_at(2))
    token = (await jobs.find(JobQuery(page_size=1, created_by="caller"))).next_page
    assert token is not None
    with pytest.raises(Terminal, match="invalid_page_token"):
        await jobs.find(JobQuery(**{"created_by": "caller", **other}, after=token))


@pytest.mark.parametrize(
    "token", ["", "x", "é", "\ud800", "AAAA", "W10", "bnVsbA", "W1tdLFtdLFtdXQ", "a" * 10_000, "%00", "../../x", "e30="]
)
async def test_a_garbled_token_is_refused(jobs: JobStore, token: str) -> None:
    with pytest.raises(Terminal, match="invalid_page_token"):
        await jobs.find(JobQuery(after=token))


async def test_no_change_of_a_token_does_harm(jobs: JobStore) -> None:
    await _create(jobs, *jobs_at(2))
    token = (await jobs.find(JobQuery(page_size=1))).next_page
    assert token is not None
    refused = 0
    for place in range(0, len(token), 3):
        try:
            await jobs.find(JobQuery(after=token[:place] + chr(ord(token[place]) ^ 1) + token[place + 1 :]))
        except Terminal as error:
            assert error.code == "invalid_page_token"  # noqa: PT017
            refused += 1
    assert refused > 5


@pytest.mark.parametrize(
    ("old", "new"),
    [("2026-01-31T", "yesterday T"), ("-01-31T", "-13-31T"), ("T12:", "T1:"), ('"2026', '7,"2026'), ('Z","', 'Z",["')],
)
def test_a_token_made_by_hand_must_hold_a_time_and_an_id(old: str, new: str) -> None:
    text = base64.urlsafe_b64decode(page_token.encode(page_token.of_listing(JobQuery()), START, a_job().job_id) + "==").decode()
    assert old in text
    forged = base64.urlsafe_b64encode(text.replace(old, new, 1).encode()).decode()
    with pytest.raises(Terminal, match="invalid_page_token"):
        page_token.decode(page_token.of_listing(JobQuery()), forged)


MOMENTS = st.integers(0, 5).map(lambda seconds: START + timedelta(seconds=seconds))


@given(moments=st.lists(st.tuples(MOMENTS, st.booleans()), max_size=12), page_size=st.integers(1, 5), filtered=st.booleans())
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_pages_put_together_are_the_whole_listing_in_order(
    jobs: JobStore, moments: list[tuple[Any, bool]], page_size: int, *, filtered: bool
) -> None:
    caller = new_id()  # each example sees its own jobs alone
    made = [a_job(created_by=caller, now=moment, dataset="odd" if odd else "even") for moment, odd in moments]
    await _create(jobs, *made)
    wanted = {job.job_id: job for job in made if not filtered or job.dataset == "odd"}
    pages = await all_pages(jobs, created_by=caller, dataset="odd" if filtered else None, page_size=page_size)
    ids = [job_id for page in pages for job_id in page]
    assert sorted(ids) == sorted(wanted)
    assert all(wanted[one].created_at >= wanted[next_one].created_at for one, next_one in pairwise(ids))
    assert all(len(page) == page_size for page in pages[:-1])
