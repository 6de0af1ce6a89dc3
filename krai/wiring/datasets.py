"""Where a child finds the datasets: where the settings say, else where its mode keeps them."""

import importlib
from collections.abc import Callable
from dataclasses import replace

from krai import catalog_url
from krai.settings import Settings
from krai.transfer.tools import Limits
from krai.warehouse.port import Warehouse
from krai.warehouse.postgres.columns import MOST_COLUMNS, MOST_NAME_BYTES
from krai.warehouse.postgres.warehouse import PostgresWarehouse


def open_datasets(settings: Settings, otherwise: Callable[[], Warehouse]) -> tuple[Warehouse, Limits]:
    """The warehouse, and what an import refuses because it would not fit in there."""
    limits = Limits(source_bytes=settings.max_source_mb << 20, unpacked_bytes=settings.max_unpacked_mb << 20)
    address = "" if settings.warehouse_url is None else settings.warehouse_url.get_secret_value()
    if catalog_url.is_catalog(address):
        # What speaks to it is of no use to anybody else.
        return importlib.import_module("krai.wiring.rest").open_warehouse(settings, address), limits
    if settings.bigquery_url is not None:
        # Google's client is large, and of no use to anybody else.
        return importlib.import_module("krai.wiring.bigquery").open_warehouse(settings), limits
    if settings.postgres_url is None:
        return otherwise(), limits
    return PostgresWarehouse(settings.postgres_url), replace(limits, columns=MOST_COLUMNS, column_name_bytes=MOST_NAME_BYTES)
