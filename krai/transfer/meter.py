"""How far a job has come, as its worker is told: nothing ever goes back within an attempt."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from krai.job import Progress, Stage
from krai.transfer.tools import Reporter

_ALMOST = 95  # what is left is for uploading and committing


class Meter:
    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._said = Progress()

    def say(
        self, stage: Stage, done: float = 0, *, rows: int = 0, rejected: int = 0, read_bytes: int = 0, total: int | None = None
    ) -> None:
        """`done` is the part of the work behind us, 0 to 1; a second pass over a file shows no progress until it overtakes the first."""
        said = self._said
        self._said = replace(
            said,
            stage=stage,
            percent=max(said.percent, min(_ALMOST, int(done * _ALMOST))),
            records_processed=max(said.records_processed, rows),
            records_rejected=max(said.records_rejected, rejected),
            bytes_processed=max(said.bytes_processed, read_bytes),
            records_total=total if total is not None else said.records_total,
        )
        self._reporter.progress(self._said)

    def show(self, newest: Sequence[dict[str, Any]], total: int) -> None:
        """Files that are finished, of `total` so far."""
        self._said = replace(self._said, files=tuple(newest), files_written=total)
        self._reporter.progress(self._said)
