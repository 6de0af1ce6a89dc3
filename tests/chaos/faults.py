"""The faults, each a function that does harm, waits and mends; what it draws comes from a source of its own."""

import json
import random
import signal
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass

import httpx
import psutil

from tests.chaos.book import Book, Entry
from tests.chaos.fleet import Fleet, Member
from tests.chaos.ground import ENV, Ground

LEASE_S = float(ENV["KRAI_LEASE_S"])
DATABASES = ("jobs.sqlite", "queue.sqlite", "directory.sqlite", "warehouse/catalog.sqlite")
FORGED = (
    "",
    "no json",
    "[" * 2000,
    "{}",
    '{"version": 2, "job_id": "0123456789abcdef0123456789abcdef", "type": "export"}',
    '{"version": 1, "job_id": 7}',
    '{"version": 1, "job_id": "../../jobs", "type": "import"}',
    '{"version": 1, "job_id": "' + "0" * 32 + '", "type": "export"}',
)


@dataclass(frozen=True, slots=True)
class Scene:
    """What faults have at hand; `calm` is set when they must end."""

    ground: Ground
    fleet: Fleet
    book: Book
    calm: threading.Event

    def pause(self, seconds: float) -> None:
        self.calm.wait(seconds)


Fault = Callable[[Scene, random.Random], bool]  # false: there was nothing to harm at the moment


# -- processes ----------------------------------------------------------------------------------------------------------------


def _killed(scene: Scene, member: Member, draw: random.Random) -> bool:
    with member.held() as got:
        if not got or not member.process.runs:
            return False
        member.process.kill()
        scene.pause(draw.uniform(0, 2))  # its children are on their own for so long
        scene.fleet.start_again(member)
        return True


def worker_killed(scene: Scene, draw: random.Random) -> bool:
    return _killed(scene, draw.choice(scene.fleet.workers), draw)


def api_killed(scene: Scene, draw: random.Random) -> bool:
    return _killed(scene, scene.fleet.api, draw)


def worker_told_to_stop(scene: Scene, draw: random.Random) -> bool:
    """Sometimes twice, which means at once."""
    member = draw.choice(scene.fleet.workers)
    with member.held() as got:
        if not got or not member.process.runs:
            return False
        member.process.terminate()
        told = 1
        if draw.random() < 0.3:
            scene.pause(draw.uniform(0, 1))
            with suppress(ProcessLookupError):
                member.process.send(draw.choice((signal.SIGTERM, signal.SIGINT)))
            told = 2
        scene.fleet.end(member, told=told)
        scene.fleet.start_again(member)
        return True


def worker_killed_in_its_start(scene: Scene, draw: random.Random) -> bool:
    member = draw.choice(scene.fleet.workers)
    with member.held() as got:
        if not got or not member.process.runs:
            return False
        member.process.kill()
        member.process.spawn()
        scene.pause(draw.uniform(0, 2))
        member.process.send(draw.choice((signal.SIGKILL, signal.SIGTERM)))
        scene.fleet.end(member, told=0)
        scene.fleet.start_again(member)
        return True


def _frozen(scene: Scene, member: Member, seconds: float) -> bool:
    with member.held() as got:
        if not got or not member.process.runs:
            return False
        member.process.freeze()
        scene.pause(seconds)
        member.process.thaw()
        return True


def worker_frozen_briefly(scene: Scene, draw: random.Random) -> bool:
    return _frozen(scene, draw.choice(scene.fleet.workers), draw.uniform(0.2, LEASE_S * 0.7))


def worker_frozen_past_its_lease(scene: Scene, draw: random.Random) -> bool:
    return _frozen(scene, draw.choice(scene.fleet.workers), LEASE_S + draw.uniform(0.3, LEASE_S))


def api_frozen(scene: Scene, draw: random.Random) -> bool:
    return _frozen(scene, scene.fleet.api, draw.uniform(0.2, LEASE_S))


def child_killed(scene: Scene, draw: random.Random) -> bool:
    """A process that reads files, or the one all of them are forked from."""
    member = draw.choice(scene.fleet.members)
    with member.held() as got:
        if not got or not member.process.runs:
            return False
        family = sorted((process for process in member.process.family() if process.pid != member.process.pid), key=lambda found: found.pid)
        if not family:
            return False
        with suppress(psutil.NoSuchProcess):
            draw.choice(family).send_signal(draw.choice((signal.SIGKILL, signal.SIGSEGV)))
        return True


# -- messages -----------------------------------------------------------------------------------------------------------------


def _call_again(scene: Scene, entries: list[Entry], draw: random.Random) -> bool:
    if not entries:
        return False
    entry = draw.choice(entries)
    body = json.dumps({"version": 1, "job_id": entry.job_id, "type": entry.wish.noun.removesuffix("s")})
    return _send(scene, body, draw.randrange(1, 12))


def _send(scene: Scene, body: str, times: int = 1) -> bool:
    """False while Pub/Sub is being restarted."""
    try:
        for _ in range(times):
            scene.ground.deployment.stores.send(body)
    except (httpx.TransportError, AssertionError):
        return False
    return True


def calls_doubled(scene: Scene, draw: random.Random) -> bool:
    return _call_again(scene, [entry for entry in scene.book.all() if entry.end is None], draw)


def calls_for_finished_jobs(scene: Scene, draw: random.Random) -> bool:
    return _call_again(scene, [entry for entry in scene.book.all() if entry.end is not None], draw)


def calls_forged(scene: Scene, draw: random.Random) -> bool:
    bodies = FORGED[1:] if scene.ground.emulators else FORGED  # Pub/Sub itself refuses an empty message
    return _send(scene, draw.choice(bodies))


# -- stores of mode embedded --------------------------------------------------------------------------------------------------


def database_locked(scene: Scene, draw: random.Random) -> bool:
    """Somebody writes to a database and does not finish, now and then for longer than a lease."""
    with closing(sqlite3.connect(scene.ground.deployment.home / draw.choice(DATABASES), timeout=10)) as database:
        database.execute("BEGIN IMMEDIATE")
        scene.pause(draw.uniform(0.3, LEASE_S * 1.4))
        database.rollback()
    return True


def calls_forgotten(scene: Scene, _: random.Random) -> bool:
    with closing(sqlite3.connect(scene.ground.deployment.home / "queue.sqlite", timeout=30)) as database, database:
        database.execute("DELETE FROM messages")
    return True


# -- stores of mode gcp -------------------------------------------------------------------------------------------------------


def wire_cut(scene: Scene, draw: random.Random) -> bool:
    scene.ground.wires[draw.choice(sorted(scene.ground.wires))].cut()
    return True


def wire_stalled(scene: Scene, draw: random.Random) -> bool:
    wire = scene.ground.wires[draw.choice(sorted(scene.ground.wires))]
    wire.hold()
    scene.pause(draw.uniform(0.3, LEASE_S * 1.3))
    wire.release()
    return True


def answers_lost(scene: Scene, draw: random.Random) -> bool:
    """What is asked arrives; instead of an answer the connection breaks."""
    wire = scene.ground.wires[draw.choice(sorted(scene.ground.wires))]
    wire.drop_answers = True
    scene.pause(draw.uniform(0.05, 0.8))
    wire.cut()
    wire.drop_answers = False
    return True


def firestore_frozen(scene: Scene, draw: random.Random) -> bool:
    if scene.ground.emulators is None:
        return False
    scene.ground.emulators.firestore.freeze()
    scene.pause(draw.uniform(0.5, LEASE_S * 2))
    scene.ground.emulators.firestore.thaw()
    return True


def pubsub_restarted(scene: Scene, draw: random.Random) -> bool:
    """It forgets all messages, and for a moment also topic and subscription, without which no process of krai starts."""
    if scene.ground.emulators is None:
        return False
    with scene.fleet.no_starts():
        scene.ground.emulators.pubsub.stop()
        scene.pause(draw.uniform(0, 1))
        scene.ground.emulators.pubsub.start().wait_until_up()
        scene.ground.emulators.provision_pubsub(scene.ground.project)
    return True


# Seconds from one fault of a kind to the next, in the mean. A start takes seconds of a core, and a frozen store holds up everybody: more
# faults than these leave too little time to work.
EVERYWHERE: dict[Fault, float] = {
    worker_killed: 30,
    worker_killed_in_its_start: 120,
    worker_told_to_stop: 40,
    worker_frozen_briefly: 12,
    worker_frozen_past_its_lease: 20,
    api_killed: 75,
    api_frozen: 45,
    child_killed: 7,
    calls_doubled: 3,
    calls_for_finished_jobs: 5,
    calls_forged: 5,
}
EMBEDDED: dict[Fault, float] = {database_locked: 8, calls_forgotten: 60}
GCP: dict[Fault, float] = {wire_cut: 12, wire_stalled: 20, answers_lost: 15, firestore_frozen: 45, pubsub_restarted: 150}


def every_s(mode: str) -> dict[str, float]:
    """How many seconds pass between two faults of a kind, in the mean."""
    return {fault.__name__: mean_s for fault, mean_s in (EVERYWHERE | (EMBEDDED if mode == "embedded" else GCP)).items()}


BY_NAME: dict[str, Fault] = {fault.__name__: fault for fault in EVERYWHERE | EMBEDDED | GCP}
