"""How far it is: a bar on a terminal, else a line every ten seconds, and nothing with --json. Always on stderr."""

import time
from collections import deque
from collections.abc import Callable
from typing import Any, Self

from rich.progress import BarColumn, Progress as Bar, TaskID, TextColumn

from krai.cli.output import Output, size, span
from krai.client import Job

LINE_EVERY_S = 10.0
WINDOW_S = 15.0
WHOLE = 100.0


class Pace:
    """How fast a count has grown lately."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: deque[tuple[float, float]] = deque()

    def per_s(self, count: float) -> float:
        now = self._clock()
        if self._seen and count < self._seen[-1][1]:
            self._seen.clear()  # it has begun again
        self._seen.append((now, count))
        while len(self._seen) > 2 and now - self._seen[0][0] > WINDOW_S:  # noqa: PLR2004 - two make a rate
            self._seen.popleft()
        took_s = now - self._seen[0][0]
        return (count - self._seen[0][1]) / took_s if took_s > 0 else 0.0


class Progress:
    """What is told of a transfer and its job. `job` is as it was seen last."""

    def __init__(self, output: Output, clock: Callable[[], float] = time.monotonic) -> None:
        self.job: Job | None = None
        self._output = output
        self._clock = clock
        self._bar: Bar | None = None
        self._task = TaskID(0)
        self._stage = ""
        self._pace = Pace(clock)
        self._percent = Pace(clock)
        self._said_at = clock()

    def __enter__(self) -> Self:
        if not self._output.json and self._output.err.is_terminal and not self._output.err.is_dumb_terminal:
            columns = (
                TextColumn("{task.description:<10}"),
                BarColumn(30),
                TextColumn("{task.percentage:>3.0f} %"),
                TextColumn("{task.fields[told]}"),
            )
            self._bar = Bar(*columns, console=self._output.err, transient=True)
            self._bar.start()
            self._task = self._bar.add_task("", total=WHOLE, told="")
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def sent(self, done: int, total: int | None) -> None:
        self._bytes("uploading", done, total)

    def arrived(self, done: int, total: int) -> None:
        self._bytes("downloading", done, total)

    def seen(self, job: Job) -> None:
        self.job = job
        stage = "waiting" if job.status == "PENDING" else job.stage
        self._begin(stage)
        rate = self._pace.per_s(job.records_processed)
        told = [
            f"{job.records_processed:,} rows" if job.records_total is None else f"{job.records_processed:,} of {job.records_total:,} rows"
        ]
        told += [f"{job.records_rejected:,} rejected"] if job.records_rejected else []
        told += [f"{rate:,.0f} rows/s"] if rate else []
        told += [f"attempt {job.attempt}"] if job.attempt > 1 else []
        percent_s = self._percent.per_s(job.progress)
        left_s = (WHOLE - job.progress) / percent_s if percent_s > 0 else None
        self._show(stage, float(job.progress), told, left_s, last=job.finished)

    def _bytes(self, stage: str, done: int, total: int | None) -> None:
        self._begin(stage)
        rate = self._pace.per_s(done)
        told = [size(done) if total is None else f"{size(done)} of {size(total)}"]
        told += [f"{size(rate)}/s"] if rate else []
        left_s = (total - done) / rate if total is not None and rate else None
        self._show(stage, WHOLE * done / total if total else 0.0, told, left_s, last=done == total)

    def _begin(self, stage: str) -> None:
        if stage != self._stage:
            self._stage, self._pace, self._percent = stage, Pace(self._clock), Pace(self._clock)

    def _show(self, stage: str, percent: float, told: list[str], left_s: float | None, *, last: bool) -> None:
        text = " · ".join([*told, *([f"{span(left_s)} left"] if left_s is not None and not last else [])])
        if self._bar is not None:
            fields: dict[str, Any] = {"told": text}
            self._bar.update(self._task, description=stage, completed=percent, **fields)
        elif self._clock() - self._said_at >= LINE_EVERY_S:
            self._said_at = self._clock()
            self._output.say(f"{stage} {percent:.0f} %  {text}")
