"""Where a run takes place: the stores of a mode, the connections that lead krai there, and krai's processes."""

import os
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from krai.settings import Settings
from scripts.emulators import Emulators
from tests.acceptance.deployment import Deployment
from tests.acceptance.krai_process import QUICK
from tests.acceptance.stores import EmbeddedStores, GcpStores
from tests.faulty_proxy import FaultyProxy

ENV = QUICK | {"KRAI_SLOTS": "2", "KRAI_GRACE_S": "2", "KRAI_LOG": "json"}
WORKERS = 3


@dataclass(frozen=True, slots=True)
class Ground:
    """In mode embedded the API runs jobs itself, so there is one worker fewer, and there is no wire to cut."""

    mode: str
    folder: Path
    deployment: Deployment
    settings: Settings  # of somebody who reaches the stores themselves
    project: str = ""
    emulators: Emulators | None = None
    wires: dict[str, FaultyProxy] = field(default_factory=dict)

    @property
    def workers(self) -> int:
        return WORKERS - (self.emulators is None)


@contextmanager
def embedded(folder: Path) -> Iterator[Ground]:
    home = folder / "data"
    with Deployment(home, ENV, EmbeddedStores(home, ENV)) as deployment:
        yield Ground("embedded", folder, deployment, Settings.model_validate({"KRAI_DATA_DIR": home}))


@contextmanager
def gcp(folder: Path) -> Iterator[Ground]:
    """The driver reaches the stores themselves, krai reaches them through the wires."""
    (folder / "emulators").mkdir()
    with ExitStack() as stack:
        emulators = Emulators(folder / "emulators")
        stack.callback(emulators.stop)
        wires = {emulator.name: stack.enter_context(FaultyProxy(emulator.host)) for emulator in emulators.all}
        # Storage says itself where an upload goes on and a file is found, and must name the wire there.
        emulators.storage_seen_at = int(wires["storage"].host.rpartition(":")[2])
        emulators.start()
        project = f"krai-{secrets.token_hex(4)}"
        direct = emulators.provision(project, project) | {"API_KEY": secrets.token_hex(16)}
        seen = direct | {
            "FIRESTORE_EMULATOR_HOST": wires["firestore"].host,
            "PUBSUB_EMULATOR_HOST": wires["pubsub"].host,
            "STORAGE_EMULATOR_HOST": f"http://{wires['storage'].host}",
        }
        home = folder / "data"
        stack.enter_context(_environment(emulators.hosts))  # Google's libraries look for them there
        with Deployment(home, ENV | seen, GcpStores(home, direct), emulators) as deployment:
            settings = Settings.model_validate({"KRAI_DATA_DIR": home, **direct})
            yield Ground("gcp", folder, deployment, settings, project, emulators, wires)


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


GROUNDS = {"embedded": embedded, "gcp": gcp}
