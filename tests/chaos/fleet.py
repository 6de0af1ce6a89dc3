"""krai's processes as an orchestrator keeps them: whatever ends is started again, and what ends by itself is a violation."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.acceptance.krai_process import KraiProcess
from tests.chaos.book import Book
from tests.chaos.ground import ENV, Ground

LOOK_EVERY_S = 0.5
STARTS_WITHIN_S = 60.0
NOT_NOW = "krai does not start, for now"
STOPPED_WITHIN_S = float(ENV["KRAI_GRACE_S"]) + 20


class Member:
    """One process; whoever does something to it holds it, so that nobody else does."""

    def __init__(self, name: str, process: KraiProcess, ready: Callable[[], object]) -> None:
        self.name = name
        self.process = process
        self._ready = ready
        self._held = threading.Lock()

    @contextmanager
    def held(self) -> Iterator[bool]:
        """False when somebody else has it."""
        got = self._held.acquire(blocking=False)
        try:
            yield got
        finally:
            if got:
                self._held.release()

    def start(self) -> None:
        self.process.spawn()
        self._ready()

    @contextmanager
    def held_at_last(self) -> Iterator[None]:
        """Waits until nobody else has it."""
        with self._held:
            yield


class Fleet:
    """The API and the workers; in mode embedded the API runs jobs too."""

    def __init__(self, ground: Ground, book: Book) -> None:
        api = ground.deployment.api
        self.api = Member("api", api, api.wait_until_ready)
        self.workers = [self._worker(ground, number) for number in range(ground.workers)]
        self._book = book
        self._over = threading.Event()
        self._starts = threading.Condition()
        self._starting = 0
        self._watch = threading.Thread(target=self._restart_what_ended, name="fleet", daemon=True)

    @staticmethod
    def _worker(ground: Ground, number: int) -> Member:
        deployment = ground.deployment
        # The first one is the runner that the deployment's ledger knows, where it has one.
        process = deployment.runner if number == 0 and deployment.runner is not deployment.api else deployment.worker()
        return Member(f"worker {number}", process, process.wait_until_working)

    @property
    def members(self) -> list[Member]:
        return [self.api, *self.workers]

    def start(self) -> None:
        for member in self.members:
            member.start()
        self._watch.start()

    def watch_no_more(self) -> None:
        self._over.set()
        if self._watch.is_alive():
            self._watch.join(90)

    def _restart_what_ended(self) -> None:
        while not self._over.wait(LOOK_EVERY_S):
            for member in self.members:
                with member.held() as got:
                    if got and not member.process.runs:
                        code = member.process.wait_until_dead(within_s=1)
                        self._book.violated("process", f"{member.name} ended by itself with {code}:\n{member.process.log()[-3000:]}")
                        self.start_again(member)

    def start_again(self, member: Member) -> None:
        """For whoever holds a member whose process has ended."""
        with self._starts:
            self._starting += 1
        deadline = time.monotonic() + STARTS_WITHIN_S
        try:
            while not self._has_started(member) and time.monotonic() < deadline:
                self._book.meet("a start that a store refused")
        except AssertionError as error:
            self._book.violated("process", f"{member.name} does not start: {error}")
        finally:
            with self._starts:
                self._starting -= 1
                self._starts.notify_all()

    @staticmethod
    def _has_started(member: Member) -> bool:
        """False when it ended because a store is under a fault, as it may: it is started again."""
        try:
            member.start()
        except AssertionError:
            if member.process.runs or NOT_NOW not in member.process.log()[-300:]:
                raise
            return False
        return True

    @contextmanager
    def no_starts(self) -> Iterator[None]:
        """Waits until all starts are through; within the block there are no others."""
        with self._starts:
            self._starts.wait_for(lambda: self._starting == 0)
            yield

    def end(self, member: Member, *, told: int = 1) -> None:
        """Wait for a member that was told to stop; it must end in time, and in good order if it was ready and told once.

        A signal before Python listens to them, or after it does no more, ends a process at once.
        """
        try:
            code = member.process.wait_until_dead(within_s=STOPPED_WITHIN_S)
        except AssertionError:
            self._book.violated("process", f"{member.name} does not stop within {STOPPED_WITHIN_S:g} s:\n{member.process.log()[-3000:]}")
            member.process.kill()
            return
        if code != 0 and told == 1:
            self._book.violated("process", f"{member.name} was told to stop and ended with {code}:\n{member.process.log()[-3000:]}")

    def stop_workers(self) -> None:
        """All at once, by SIGTERM, at the end."""
        for worker in self.workers:
            worker.process.send(signal.SIGTERM)
        for worker in self.workers:
            self.end(worker)

    def let_go(self) -> None:
        """Everything runs: what a fault still holds is waited for, what stands still goes on, what has ended is started."""
        for member in self.members:
            with member.held_at_last():
                if member.process.runs:
                    member.process.thaw()
                else:
                    self.start_again(member)
