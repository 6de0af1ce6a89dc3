"""The datasets in BigQuery; imported only where they are."""

from krai.settings import Settings
from krai.warehouse.bigquery.warehouse import BigQueryWarehouse
from krai.wiring.folders import data_dir


def open_warehouse(settings: Settings) -> BigQueryWarehouse:
    return BigQueryWarehouse(str(settings.bigquery_url), data_dir(settings) / "spool", emulator=settings.bigquery_emulator)
