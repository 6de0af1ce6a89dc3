"""The warehouse in a Google Cloud Storage bucket, with its catalog in Firestore."""

from krai.warehouse.bucket_files import BucketIO, open_files
from krai.warehouse.firestore_catalog import open_catalog
from krai.warehouse.iceberg import IcebergWarehouse


def open_bucket(url: str, *, project: str, database: str, storage_emulator: str | None = None) -> IcebergWarehouse:
    """Tables under `url` (gs://bucket/prefix), for any number of machines; `storage_emulator` is http://host:port."""
    files = open_files(storage_emulator)
    return IcebergWarehouse(url, open_catalog(BucketIO(files), project=project, database=database), files)
