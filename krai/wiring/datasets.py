"""Where a child finds the datasets: where the settings say, else where its mode keeps them."""

import importlib
from collections.abc import Callable

from krai import catalog_url
from krai.settings import Settings
from krai.transfer.tools import Limits
from krai.warehouse.port import Warehouse


def open_datasets(settings: Settings, otherwise: Callable[[], Warehouse]) -> tuple[Warehouse, Limits]:
    """The warehouse, and what an import refuses because it would not fit in there.

    What speaks to one of them is large, and of no use to the others: it is imported by those who need it.
    """
    limits = Limits(source_bytes=settings.max_source_mb << 20, unpacked_bytes=settings.max_unpacked_mb << 20)
    address = "" if settings.warehouse_url is None else settings.warehouse_url.get_secret_value()
    if catalog_url.is_catalog(address):
        return importlib.import_module("krai.wiring.rest").open_warehouse(settings, address), limits
    if settings.bigquery_url is not None:
        return importlib.import_module("krai.wiring.bigquery").open_warehouse(settings), limits
    if settings.postgres_url is not None:
        postgres = importlib.import_module("krai.wiring.postgres")
        opened: tuple[Warehouse, Limits] = postgres.open_warehouse(settings.postgres_url, limits)
        return opened
    return otherwise(), limits
