"""The datasets in PostgreSQL; imported only where they are."""

from dataclasses import replace

from krai.transfer.tools import Limits
from krai.warehouse.postgres.columns import MOST_COLUMNS, MOST_NAME_BYTES
from krai.warehouse.postgres.warehouse import PostgresWarehouse


def open_warehouse(url: str, limits: Limits) -> tuple[PostgresWarehouse, Limits]:
    """With what an import must not have beyond `limits`."""
    return PostgresWarehouse(url), replace(limits, columns=MOST_COLUMNS, column_name_bytes=MOST_NAME_BYTES)
