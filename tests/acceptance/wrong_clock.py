"""`python worker.py` on a machine whose clock is WRONG_BY_S seconds fast, or slow when that is negative."""

if __name__ == "__main__":
    # Here and not above: the children load this file too.
    import os
    from datetime import UTC, datetime, timedelta
    from types import SimpleNamespace

    import grpc.aio._utils
    import time_machine

    from krai.wiring import serve

    # Only Python's clock is wrong. gRPC's core has the machine's, and takes time limits by it.
    grpc.aio._utils.time = SimpleNamespace(time=time_machine.escape_hatch.time.time)  # noqa: SLF001 - it has no other way in
    there = datetime.now(UTC) + timedelta(seconds=float(os.environ["WRONG_BY_S"]))
    with time_machine.travel(there, tick=True):
        serve.main(serve.worker)
