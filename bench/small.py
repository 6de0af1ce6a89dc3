"""A 10-row export without HTTP, queue or store: the transfer code called in a process that has done it before."""

import statistics
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from krai import transitions
from krai.job import Kind, Progress
from krai.settings import Settings
from krai.transfer import work
from krai.wiring.embedded_tools import build

ROUNDS = 50


class Silent:
    """A reporter nobody listens to."""

    def progress(self, progress: Progress) -> None:
        pass

    def may_commit(self) -> None:
        pass


def direct_export_ms(data_dir: Path) -> float:
    """The median over `ROUNDS` exports of ten rows of the sample dataset `users`, in milliseconds."""
    tools = build(Settings.model_validate({"data_dir": data_dir}))
    params = {"format": "csv", "compression": "none", "columns": None, "limit": 10, "size_mb": None, "filename": None}
    times = []
    for _ in range(ROUNDS):
        job = transitions.new(Kind.EXPORT, "users", params, created_by="bench", now=datetime.now(UTC))
        job = transitions.claim(job, "bench", datetime.now(UTC), 60)
        with tempfile.TemporaryDirectory(dir=data_dir) as spool:
            began = time.perf_counter()
            work.run(job, replace(tools, spool=Path(spool)), Silent())
            times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times)
