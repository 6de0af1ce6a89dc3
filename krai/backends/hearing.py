"""Telling this process of the jobs that it writes itself."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from krai.job import Job


class Hearing:
    def __init__(self) -> None:
        self._heard: list[Callable[[Job], object]] = []

    @contextmanager
    def hear(self, heard: Callable[[Job], object]) -> Iterator[None]:
        self._heard.append(heard)
        try:
            yield
        finally:
            self._heard.remove(heard)

    def tell(self, job: Job) -> Job:
        """The job, of which everybody was told."""
        for heard in self._heard:
            heard(job)
        return job
