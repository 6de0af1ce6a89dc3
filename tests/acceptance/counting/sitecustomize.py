"""Counts what a process reads of its jobs in SQLite, from outside: Python loads this before anything else when its folder is on
PYTHONPATH.

Each statement that reads jobs is noted in the folder COUNT_TO as a line in a file of the process: `changed`, or `other`. What the sweep
asks is not.
"""

import os
import sqlite3
from pathlib import Path
from typing import Any

connect = sqlite3.connect


def _note(statement: str) -> None:
    if statement.lstrip().startswith("SELECT doc FROM jobs") and "due_at <=" not in statement:
        with Path(os.environ["COUNT_TO"], str(os.getpid())).open("a") as file:
            file.write("changed\n" if "updated_at') >=" in statement else "other\n")


def _counted(path: Any, *args: Any, **options: Any) -> sqlite3.Connection:
    connection: sqlite3.Connection = connect(path, *args, **options)
    if Path(str(path)).name == "jobs.sqlite":
        connection.set_trace_callback(_note)
    return connection


sqlite3.connect = _counted  # type: ignore[assignment] # it takes what the other takes
