"""The names of krai's tables. They begin with capitals, which no dataset's name has, so views can be called as their datasets are.

KRAI_commits_{dataset}                           what is known of a dataset and its commits
KRAI_rows_{dataset}__{job}_e{epoch}_{hex}        rows of a dataset, since the job that created or replaced it
KRAI_part_{dataset}__{job}_e{epoch}_p{n}_{turn}  what an import under way has written
KRAI_part_{dataset}__{job}_e{epoch}_{hex}        the same, put together
"""

import hashlib
import re
import secrets
from dataclasses import dataclass
from typing import Self

_NOT_OF_A_JOB = re.compile(r"[^A-Za-z0-9_-]", re.ASCII)
_MADE = re.compile(r"KRAI_(rows|part)_([a-z][a-z0-9_]*)__([0-9a-f]{16})_e(\d+)_(?:p\d+_\d+|[0-9a-f]{8})", re.ASCII)


def commits(dataset: str) -> str:
    return f"KRAI_commits_{dataset}"


def new_rows(dataset: str, job_id: str, epoch: int) -> str:
    return f"KRAI_rows_{dataset}__{_short(job_id)}_e{epoch}_{secrets.token_hex(4)}"


def part(dataset: str, job_id: str, epoch: int, number: int, turn: int) -> str:
    """`turn` tells the parts of one number apart that an attempt writes when it reads its file again."""
    return f"KRAI_part_{dataset}__{_short(job_id)}_e{epoch}_p{number}_{turn}"


def new_merged(dataset: str, job_id: str, epoch: int) -> str:
    return f"KRAI_part_{dataset}__{_short(job_id)}_e{epoch}_{secrets.token_hex(4)}"


def new_job(job_id: str, epoch: int, what: str) -> str:
    """The id of a job of BigQuery's that nobody else sends."""
    return f"{job(job_id, epoch, what)}-{secrets.token_hex(4)}"


def job(job_id: str, epoch: int, what: str) -> str:
    """The id of a job of BigQuery's that takes effect once, whoever sends it again."""
    return f"krai-{_NOT_OF_A_JOB.sub('_', job_id)}-e{epoch}-{what}"


@dataclass(frozen=True, slots=True)
class Made:
    """A table by its name: `kind` is rows or part."""

    name: str
    kind: str
    dataset: str
    job: str
    epoch: int

    @classmethod
    def of(cls, name: str) -> Self | None:
        """None for tables that are nobody's, and for those of commits."""
        found = _MADE.fullmatch(name)
        return cls(name, found[1], found[2], found[3], int(found[4])) if found else None

    def is_of(self, dataset: str, job_id: str) -> bool:
        return (self.dataset, self.job) == (dataset, _short(job_id))


def _short(job_id: str) -> str:
    """Letters and digits, whatever the job is called."""
    return hashlib.sha256(job_id.encode()).hexdigest()[:16]
