"""What holds for all tests: they talk to this machine only."""

import ipaddress
import sys

import pytest
from hypothesis import settings

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
