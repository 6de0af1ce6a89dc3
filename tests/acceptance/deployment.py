"""A whole krai in either mode: the process with the API, the process that runs jobs, and the stores that both work on.

Tests speak of these three and not of the mode. In mode embedded the first two are one: `main.py` serves the API and runs jobs. In
mode gcp `main.py` serves the API alone and `worker.py` runs the jobs; both find the emulators, in a project and bucket of their own.
"""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import httpx
import pytest

from scripts.emulators import Emulators
from scripts.provision import SUBSCRIPTION
from tests.acceptance.krai_client import KraiClient
from tests.acceptance.krai_process import KraiProcess
from tests.acceptance.stores import EmbeddedStores, GcpStores, StoresSeen

MODES = ("embedded", "gcp")
# Where what is asked goes on in a child or in a courier, which are the same in both modes.
EMBEDDED_IN_THE_GATE = pytest.mark.parametrize(
    "mode", ["embedded", pytest.param("gcp", marks=pytest.mark.long)], indirect=True, scope="module"
)
# Where it is the store or the queue that is asked, of which Google's are the harder ones.
GCP_IN_THE_GATE = pytest.mark.parametrize("mode", [pytest.param("embedded", marks=pytest.mark.long), "gcp"], indirect=True, scope="module")
IN_THE_API = frozenset({"after_create", "after_publish"})  # failpoints that the process with the API reaches


class Deployment:
    """Starts with `start`; `runner` is the process that runs jobs, `api` the one that takes requests.

    `emulators` are those of mode gcp, None in mode embedded.
    """

    def __init__(self, home: Path, env: dict[str, str], stores: StoresSeen, emulators: Emulators | None = None) -> None:
        self.home = home
        self.env = env
        self.stores = stores
        self.emulators = emulators
        self.api = KraiProcess(home, env=env)
        self.runner = self.api if emulators is None else self.worker()
        self._api_env: dict[str, str] = {}

    @property
    def krai(self) -> KraiClient:
        return self.api.client

    @property
    def processes(self) -> tuple[KraiProcess, ...]:
        return (self.api,) if self.runner is self.api else (self.api, self.runner)

    def start(self, **env: str) -> Self:
        """Start it anew, and return when it takes requests and runs jobs; `env` holds for this start only.

        An API without jobs of its own that still runs, with the same `env`, is left alone.
        """
        if self.runner is self.api:
            self.api.start(**env)
            return self
        self.runner.spawn(**env)
        if env.get("KRAI_FAIL") not in IN_THE_API:
            env.pop("KRAI_FAIL", None)
        if not self.api.runs or env != self._api_env:
            self._api_env = env
            self.api.spawn(**env)
        self.api.wait_until_ready()
        self.runner.wait_until_working()
        return self

    def dies_at(self, failpoint: str) -> KraiProcess:
        """The process that reaches a failpoint."""
        return self.api if failpoint in IN_THE_API else self.runner

    def worker(self, script: str = "worker.py", **env: str) -> KraiProcess:
        """A worker on the same stores, not started."""
        return KraiProcess(self.home, script=script, env=self.env | env)

    @contextmanager
    def second_worker(self, **env: str) -> Iterator[KraiProcess]:
        """A worker beside a runner whose only slot is held by another job: whatever comes next is the second worker's.

        At the end the runner is let go, and takes what the second worker left.
        """
        with self.worker(**env) as worker, self.runner.parsers_held():
            self.krai.wait_until_attempt(self.krai.submit_export(dataset="users"), 1)
            yield worker.spawn().wait_until_working()

    def stop(self) -> None:
        for process in self.processes:
            process.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self.krai.close()


NewKrai = Callable[[dict[str, str]], Deployment]  # what the fixture `new_krai` gives: a deployment with this environment, not started


def embedded(home: Path, env: dict[str, str]) -> Deployment:
    return Deployment(home, env, EmbeddedStores(home, env))


def gcp(home: Path, env: dict[str, str], emulators: Emulators) -> Deployment:
    name = f"krai-{secrets.token_hex(4)}"
    there = emulators.provision(name, name) | {"API_KEY": secrets.token_hex(16)}
    redeliver_soon(emulators, name)
    return Deployment(home, there | env, GcpStores(home, there), emulators)


def redeliver_soon(emulators: Emulators, project: str) -> None:
    """Messages that were sent to a worker that had just been killed come again after ten seconds, the least Pub/Sub takes."""
    subscription = f"projects/{project}/subscriptions/{SUBSCRIPTION}"
    body = {"subscription": {"name": subscription, "ackDeadlineSeconds": 10}, "updateMask": "ackDeadlineSeconds"}
    answer = httpx.patch(f"http://{emulators.pubsub.host}/v1/{subscription}", json=body)
    assert answer.status_code == httpx.codes.OK, answer.text
