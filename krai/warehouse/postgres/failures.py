"""What PostgreSQL's failures mean. Nothing it says is passed on but the five characters of its SQLSTATE: its messages hold values."""

from collections.abc import Iterator
from contextlib import contextmanager

import adbc_driver_manager
import psycopg

from krai.errors import KraiError, Terminal, Transient

OUT_OF_TIME = (
    "type_mismatch",
    "PostgreSQL keeps dates and times from the year 4713 BC on, and no date after the year 5874897.",
)
_TERMINAL = {
    "22021": ("control_character", "PostgreSQL keeps no text with a NUL character."),
    "22008": OUT_OF_TIME,
    "2BP01": ("dataset_in_use", "Views or other objects of the database are built upon the columns of the dataset."),
    "53100": ("disk_full", "The disk of the database is full."),
    "54000": (
        "too_many_columns",
        "PostgreSQL keeps a row, without its long texts, in 8 KiB; these have too many columns for that.",
    ),
}


@contextmanager
def translated() -> Iterator[None]:
    """Failures of both drivers as krai's own. What is not known to be final is tried again."""
    try:
        yield
    except (psycopg.Error, adbc_driver_manager.Error) as error:
        raise meaning(error.sqlstate) from None


def meaning(state: str | None) -> KraiError:
    if state in _TERMINAL:
        return Terminal(*_TERMINAL[state])
    said = "The database does not answer." if state is None else f"The database answered with SQLSTATE {state}."
    return Transient("store_busy", said)
