"""What a new installation has to play with: the datasets `users` and `default`, and a file of contacts to import.

All of it is made up, the same on every machine, and made once: what a user drops or changes afterwards stays so.
"""

import shutil
from collections.abc import Callable
from contextlib import closing
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pyarrow as pa

from krai.dataset import Dataset
from krai.formats.types import arrow_type
from krai.transfer.tools import Tools
from krai.warehouse.port import Change

CONTACTS_PATH = "sources/contacts.csv"
_CONTACTS = Path(__file__).parent / "contacts.csv"
_USERS = 10_000
_DAYS = 365
_COUNTRIES = ("AU", "BR", "DE", "FR", "GB", "IN", "JP", "KE", "NO", "US")
_PLANS = ("free", "team", "business")
_PLACES = ("North Pier", "Old Mill", "Hill Top", "Harbour, East", 'The "Dell"')


def seed(tools: Tools) -> list[Dataset]:
    """Make the samples unless they have been made before; the sample datasets there are.

    The file of contacts is put in place last: where it stands, all the rest was done.
    """
    names: dict[str, Callable[[], pa.Table]] = {"users": _users, "default": _weather}
    if tools.blobs.stat(CONTACTS_PATH) is None:
        for name, make in names.items():
            _commit(tools, name, make())
        tools.spool.mkdir(parents=True, exist_ok=True)
        copy = tools.spool / "contacts.csv"
        shutil.copyfile(_CONTACTS, copy)
        try:
            tools.blobs.put(CONTACTS_PATH, copy)
        except FileExistsError:
            # Another worker started at the same moment; it has put the same bytes there.
            copy.unlink()
    return [dataset for name in names if (dataset := tools.warehouse.describe(name)) is not None]


def _commit(tools: Tools, name: str, table: pa.Table) -> None:
    if tools.warehouse.describe(name) is not None:
        return
    job_id = f"sample-{name}"
    part = tools.warehouse.open_part(name, job_id, 1, 0)
    with closing(part):
        part.write(table)
    summary = {"records_processed": table.num_rows}
    tools.warehouse.commit(name, Change(job_id=job_id, epoch=1, schema=table.schema, parts=[part.location], summary=summary))


def _users() -> pa.Table:
    numbers = range(1, _USERS + 1)
    start = datetime(2020, 1, 1)  # noqa: DTZ001 (a timestamp without a zone is what the column holds)
    return _table(
        {
            "id": ("int64", list(numbers)),
            "name": ("string", [f"User {n:05}" for n in numbers]),
            "email": ("string", [f"user{n:05}@example.com" for n in numbers]),
            "country": ("string", [_COUNTRIES[n * 7 % len(_COUNTRIES)] for n in numbers]),
            "plan": ("string", [_PLANS[n * n % len(_PLANS)] for n in numbers]),
            "signed_up": ("timestamp", [start + timedelta(minutes=n * 211) for n in numbers]),
            "active": ("boolean", [n % 5 != 0 for n in numbers]),
            "balance": ("decimal(12,2)", [Decimal(n * 7919 % 1_000_000) / 100 for n in numbers]),
            "referred_by": ("int64", [n // 3 if n % 3 == 0 else None for n in numbers]),
        }
    )


def _weather() -> pa.Table:
    days = range(_DAYS)
    return _table(
        {
            "day": ("date", [date(2025, 1, 1) + timedelta(days=n) for n in days]),
            "place": ("string", [_PLACES[n % len(_PLACES)] for n in days]),
            "temperature_c": ("float64", [round((n * 37 % 300) / 10 - 5, 1) for n in days]),
            "rain_mm": ("float64", [None if n % 11 == 0 else (n * 53 % 120) / 8 for n in days]),
            "wind_kmh": ("int64", [n * 29 % 60 for n in days]),
            "storm": ("boolean", [n % 41 == 0 for n in days]),
        }
    )


def _table(columns: dict[str, tuple[str, list[object]]]) -> pa.Table:
    return pa.table({name: pa.array(values, arrow_type(kind)) for name, (kind, values) in columns.items()})
