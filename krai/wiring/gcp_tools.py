"""What a child of mode gcp works with; imported in children alone, for it loads Arrow and Iceberg."""

from krai.backends.google.foreign import ForeignBucket
from krai.settings import Settings
from krai.transfer.tools import Tools
from krai.warehouse.bucket import open_bucket
from krai.warehouse.iceberg import IcebergWarehouse
from krai.wiring.datasets import open_datasets
from krai.wiring.folders import data_dir
from krai.wiring.gcp import open_blobs, project_of
from krai.wiring.signing import signing_key


def build(settings: Settings) -> Tools:
    def in_bucket() -> IcebergWarehouse:
        return open_bucket(
            settings.bucket_url,
            project=project_of(settings),
            database=settings.firestore_database,
            storage_emulator=settings.storage_emulator,
        )

    warehouse, limits = open_datasets(settings, in_bucket)
    return Tools(
        blobs=open_blobs(settings),
        warehouse=warehouse,
        spool=data_dir(settings) / "spool",
        limits=limits,
        bucket=lambda name: ForeignBucket(name, project=project_of(settings), emulator=settings.storage_emulator),
        signing_key=signing_key(settings),
        url_imports=settings.url_imports == "on",
    )
