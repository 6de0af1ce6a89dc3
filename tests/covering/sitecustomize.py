"""What `make coverage` has every Python load first: the lines that were run are written down twice a second, for most of krai's processes
are killed, and would take them along."""

import os
import threading
import time

from coverage import Coverage

EVERY_S = 0.5


def write_down() -> None:
    while True:
        time.sleep(EVERY_S)
        if (counting := Coverage.current()) is not None:
            counting.save()


def begin() -> None:
    threading.Thread(target=write_down, name="coverage", daemon=True).start()


if "COVERAGE_PROCESS_CONFIG" in os.environ:
    os.register_at_fork(after_in_child=begin)
    begin()
