"""What a child of mode gcp works with; imported in children alone, for it loads Arrow and Iceberg."""

from krai.backends.google.foreign import ForeignBucket
from krai.settings import Settings
from krai.transfer.tools import Limits, Tools
from krai.warehouse.bucket import open_bucket
from krai.wiring.folders import data_dir
from krai.wiring.gcp import open_blobs, project_of
from krai.wiring.signing import signing_key


def build(settings: Settings) -> Tools:
    return Tools(
        blobs=open_blobs(settings),
        warehouse=open_bucket(
            settings.warehouse_url or f"gs://{settings.gcs_bucket}/warehouse",
            project=project_of(settings),
            database=settings.firestore_database,
            storage_emulator=settings.storage_emulator,
        ),
        spool=data_dir(settings) / "spool",
        limits=Limits(source_bytes=settings.max_source_mb << 20, unpacked_bytes=settings.max_unpacked_mb << 20),
        bucket=lambda name: ForeignBucket(name, project=project_of(settings), emulator=settings.storage_emulator),
        signing_key=signing_key(settings),
        url_imports=settings.url_imports == "on",
    )
