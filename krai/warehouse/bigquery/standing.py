"""The imports of a dataset that stand: those that were not undone."""

from collections.abc import Sequence

from krai.warehouse.bigquery import history
from krai.warehouse.bigquery.history import Commit
from krai.warehouse.bigquery.jobs import Jobs
from krai.warehouse.port import Mode


def standing(commits: Sequence[Commit]) -> list[Commit]:
    undone = {commit.undone_job_id for commit in commits}
    return [commit for commit in commits if commit.mode is not None and commit.job_id not in undone]


def stands(jobs: Jobs, dataset: str, job_id: str) -> bool:
    """As `Warehouse.stands` has it."""
    for commit in reversed(standing(history.commits(jobs, dataset))):
        if commit.job_id == job_id or commit.mode == Mode.REPLACE:
            return commit.job_id == job_id
    return False
