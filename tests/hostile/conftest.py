"""One krai per mode, shared by all modules of this package. A module that names its own `mode` runs in that one."""

import json
import time
from collections.abc import Iterator

import pytest

from scripts.emulators import Emulators
from tests.acceptance.deployment import MODES, Deployment, embedded, gcp
from tests.acceptance.krai_process import QUICK
from tests.hostile.ground import Ground, check_lines
from tests.hostile.internet import Internet, outside
from tests.unit.identity.provider import AUDIENCE, Provider, serving

PAGE = "https://app.example"
ATTEMPTS = {"KRAI_MAX_ATTEMPTS": "3", "KRAI_SLOTS": "3"}  # of jobs that fail by what is outside
CREATES = 600  # a caller may make in a quarter of an hour; no row but 25 comes near
UNPACKED_MIB = 64  # so that a bomb is made in a moment


@pytest.fixture(scope="session")
def providers() -> Iterator[tuple[Provider, Provider]]:
    """Two issuers; the second one has never given a key to anybody."""
    with serving() as provider, serving() as dead:
        for one in (provider, dead):
            one.clock.now_at = time.time()
        dead.fails()
        yield provider, dead


def _environment(providers: tuple[Provider, Provider]) -> dict[str, str]:
    issuers = [{"issuer": one.url, "audience": AUDIENCE, "tenant": "acme"} for one in providers]
    limits = {"KRAI_RATE_LIMIT_CREATE": f"{CREATES}/15minutes", "KRAI_MAX_UNPACKED_MB": str(UNPACKED_MIB), "CORS_ORIGINS": PAGE}
    return QUICK | limits | {"KRAI_OIDC_ISSUERS": json.dumps(issuers)}


def _ground(deployment: Deployment, providers: tuple[Provider, Provider]) -> Iterator[Ground]:
    with deployment:
        ground = Ground(deployment.start(), *providers)
        yield ground
        ground.close()


@pytest.fixture(scope="session")
def embedded_ground(tmp_path_factory: pytest.TempPathFactory, providers: tuple[Provider, Provider]) -> Iterator[Ground]:
    yield from _ground(embedded(tmp_path_factory.mktemp("hostile") / "data", _environment(providers)), providers)


@pytest.fixture(scope="session")
def gcp_ground(tmp_path_factory: pytest.TempPathFactory, providers: tuple[Provider, Provider], emulators: Emulators) -> Iterator[Ground]:
    yield from _ground(gcp(tmp_path_factory.mktemp("hostile") / "data", _environment(providers), emulators), providers)


@pytest.fixture(scope="module", params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def shared_ground(mode: str, request: pytest.FixtureRequest) -> Iterator[Ground]:
    """That of the mode; it must be well when the module has done its worst."""
    ground: Ground = request.getfixturevalue(f"{mode}_ground")
    yield ground
    ground.is_well()


@pytest.fixture(scope="module")
def internet(mode: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Internet]:
    """One for each mode."""
    with outside(tmp_path_factory.mktemp(f"outside-{mode}")) as internet:
        yield internet
        internet.holds()


@pytest.fixture(scope="module")
def connected_ground(
    mode: str,
    internet: Internet,
    providers: tuple[Provider, Provider],
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Ground]:
    """One of the module's own, on the internet of the test. A module that wants it names it `shared_ground`."""
    home, env = tmp_path_factory.mktemp("hostile") / "data", _environment(providers) | ATTEMPTS | internet.environment
    made = embedded(home, env) if mode == "embedded" else gcp(home, env, request.getfixturevalue("emulators"))
    for ground in _ground(made, providers):
        yield ground
        ground.is_well()
        for process in made.processes:
            check_lines(process, 0)


@pytest.fixture
def ground(shared_ground: Ground) -> Iterator[Ground]:
    """That of the mode; what must hold after every request is asked after every test."""
    with shared_ground.holds():
        yield shared_ground
