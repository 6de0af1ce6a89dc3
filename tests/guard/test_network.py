import socket

import pytest


def test_a_test_cannot_leave_this_machine() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as there, pytest.raises(pytest.fail.Exception, match="this machine only"):
        there.connect(("192.0.2.1", 9))  # RFC 5737: an address of nobody


def test_a_test_can_reach_this_machine() -> None:
    with socket.create_server(("127.0.0.1", 0)) as here, socket.create_connection(here.getsockname()):
        pass
