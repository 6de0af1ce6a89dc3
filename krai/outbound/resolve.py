"""The addresses of a name, asked for once."""

import socket
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from threading import Thread

Resolve = Callable[[str, float], Sequence[str]]


def resolve(host: str, timeout_s: float) -> Sequence[str]:
    """All addresses of `host`, in the order to try them (RFC 6724). Raises OSError, of which TimeoutError is one."""
    found: Future[list[str]] = Future()

    def ask() -> None:
        try:
            # The dot at the end: this very name, and none of the domains that a cluster would put behind it.
            answers = socket.getaddrinfo(f"{host}.", None, type=socket.SOCK_STREAM)
            found.set_result(list(dict.fromkeys(str(answer[4][0]) for answer in answers)))
        except OSError as error:
            found.set_exception(error)
        except UnicodeError:
            found.set_exception(OSError("the resolver takes no such name"))

    # The system's resolver knows no time limit. A thread that hangs in it ends with the process.
    Thread(target=ask, name="resolver", daemon=True).start()
    return found.result(timeout_s)
