"""The internet of a test, inside a process of krai: Python loads this before anything else when its folder is on PYTHONPATH.

Replaced is only what lies outside krai: what names resolve to, where the public address leads (to this machine), and whose certificates
are trusted. Everything there comes from the folder OUTSIDE, where each look-up and each connection is noted as well.
"""

import errno
import json
import os
import socket
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import certifi

OUTSIDE = Path(os.environ["OUTSIDE"])
PUBLIC, HERE = os.environ["OUTSIDE_ADDRESS"], "127.0.0.1"
_NOTES = OUTSIDE / "notes"
_getaddrinfo, _connect = socket.getaddrinfo, socket.socket.connect


def _note(**what: Any) -> None:
    with _NOTES.open("a") as file:
        file.write(json.dumps(what) + "\n")


def _is_address(host: str) -> bool:
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def getaddrinfo(host: Any, port: Any, *rest: Any, **options: Any) -> list[Any]:
    """The addresses that the test has given a name, another list at each look if there are several; the last one stays."""
    if not isinstance(host, str) or host == "localhost" or _is_address(host):
        return _getaddrinfo(host, port, *rest, **options)
    _note(look=host)
    looks = sum(json.loads(line).get("look") == host for line in _NOTES.read_text().splitlines())
    answers = json.loads((OUTSIDE / "names.json").read_text()).get(host.removesuffix("."))
    if answers is None:
        raise socket.gaierror(socket.EAI_NONAME, "no such name in this test")
    return [found for address in answers[min(looks, len(answers)) - 1] for found in _getaddrinfo(address, port, *rest, **options)]


def connect(self: socket.socket, address: Any) -> None:
    if self.family in {socket.AF_INET, socket.AF_INET6}:
        host, port = address[:2]
        _note(connect=host, port=port)
        if host == PUBLIC:
            address = (HERE, port)
        elif host != "localhost" and not ip_address(host).is_loopback:
            raise OSError(errno.ENETUNREACH, "tests talk to this machine only")
    _connect(self, address)


socket.getaddrinfo = getaddrinfo
socket.socket.connect = connect  # type: ignore[assignment,method-assign] # as socket.connect
certifi.where = lambda: str(OUTSIDE / "authority.pem")
