"""`python worker.py` on a machine whose clock is WRONG_BY_S seconds fast, or slow when that is negative."""

if __name__ == "__main__":
    # Here and not above: the children load this file too.
    import os
    from datetime import UTC, datetime, timedelta

    import time_machine

    from krai.wiring import serve

    there = datetime.now(UTC) + timedelta(seconds=float(os.environ["WRONG_BY_S"]))
    with time_machine.travel(there, tick=True):
        serve.main(serve.worker)
