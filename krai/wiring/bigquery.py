"""The datasets in BigQuery; imported only where they are."""

from krai.settings import Mode, Settings
from krai.warehouse.bigquery.bucket import Bucket
from krai.warehouse.bigquery.warehouse import BigQueryWarehouse
from krai.warehouse.bucket_files import open_files
from krai.wiring.folders import data_dir


def open_warehouse(settings: Settings) -> BigQueryWarehouse:
    bucket = Bucket(str(settings.gcs_bucket), open_files(settings.storage_emulator)) if settings.mode is Mode.GCP else None
    return BigQueryWarehouse(str(settings.bigquery_url), data_dir(settings) / "spool", emulator=settings.bigquery_emulator, bucket=bucket)
