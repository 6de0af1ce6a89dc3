"""What holds for all tests: they talk to this machine only."""

import ipaddress
import os
import sys
from collections.abc import Iterator

import pytest
from hypothesis import settings

from scripts import bigquery as bigquery_double, postgres as postgresql
from scripts.emulators import Emulators, Missing, running
from scripts.postgres import Postgres
from tests.bigquery_proxy import BigQueryProxy

# Two cores shared with a server make a single example slow now and then; the time limit of the whole test is pytest's.
settings.register_profile("krai", deadline=None)
settings.load_profile("krai")


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host == "localhost"


def refuse_the_world(event: str, arguments: tuple[object, ...]) -> None:
    """Audit hook (PEP 578): a connection that leaves this machine is a mistake in a test."""
    if event != "socket.connect":
        return
    address = arguments[1]
    if isinstance(address, tuple) and isinstance(address[0], str) and not _is_here(address[0]):
        pytest.fail(f"a test connects to {address[0]}: tests talk to this machine only", pytrace=False)


sys.addaudithook(refuse_the_world)


@pytest.fixture(scope="session")
def emulators(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulators]:
    """Google's emulators, started by the first test that wants them. A missing part skips on a laptop and fails where CI=true."""
    try:
        with running(tmp_path_factory.mktemp("emulators")) as started:
            yield started
    except Missing as missing:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL, started by the first test that wants one; missing, it is as with the emulators."""
    try:
        with postgresql.running() as started:
            yield started
    except Missing as missing:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def bigquery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BigQueryProxy]:
    """A double of BigQuery, started by the first test that wants one; missing, it is as with the emulators."""
    try:
        folder = tmp_path_factory.mktemp("bigquery")
        with bigquery_double.running(folder) as started, BigQueryProxy(started.host, folder) as proxy:
            yield proxy
    except Missing as missing:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(missing))
