"""Every acceptance test runs in both modes; a module that names its own `mode` runs in that one."""

import os
import random
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.acceptance.deployment import MODES, Deployment, NewKrai, embedded, gcp
from tests.acceptance.ledger import queues_end_empty
from tests.acceptance.people import serving


@pytest.fixture(scope="module", params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def new_krai(mode: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NewKrai]:
    """Makes deployments of the mode, not started. At the end their queues must be empty, and nothing of them is left."""
    made: list[Deployment] = []
    # Asked for here and not when they are needed, so that they outlive what is made.
    emulators = request.getfixturevalue("emulators") if mode == "gcp" else None

    with ExitStack() as stack:

        def make(env: dict[str, str]) -> Deployment:
            home = tmp_path_factory.mktemp("krai") / "data"
            deployment = embedded(home, env) if emulators is None else gcp(home, env, emulators)
            made.append(stack.enter_context(deployment))
            return deployment

        yield make
        for deployment in made:
            queues_end_empty(deployment)


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    """The URL of an OpenID provider that knows Ada and Eve."""
    with serving() as url:
        yield url


@pytest.fixture
def moments() -> random.Random:
    seed = os.environ.get("KRAI_TEST_SEED") or str(random.SystemRandom().randrange(10**9))
    print(f"replay with KRAI_TEST_SEED={seed}")
    return random.Random(seed)  # noqa: S311 - moments, not secrets
