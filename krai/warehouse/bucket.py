"""The warehouse in a Google Cloud Storage bucket, with its catalog in Firestore."""

from datetime import timedelta
from urllib.parse import urlsplit

from pyarrow import fs
from pyiceberg.io.pyarrow import PyArrowFileIO

from krai.warehouse.firestore_catalog import open_catalog
from krai.warehouse.iceberg import IcebergWarehouse

_RETRY_FOR = timedelta(seconds=30)  # Arrow would go on for 15 minutes


def open_bucket(url: str, *, project: str, database: str, storage_emulator: str | None = None) -> IcebergWarehouse:
    """Tables under `url` (gs://bucket/prefix), for any number of machines; `storage_emulator` is http://host:port."""
    files = _open_files(storage_emulator)
    return IcebergWarehouse(url, open_catalog(BucketIO(files), project=project, database=database), files)


class BucketIO(PyArrowFileIO):
    """How pyiceberg comes to the bucket: by one file system, for each has connections and a token of its own."""

    def __init__(self, files: fs.FileSystem) -> None:
        super().__init__()
        self.fs_by_scheme = lambda _scheme, _netloc: files


def _open_files(emulator: str | None) -> fs.FileSystem:
    if emulator is None:
        return fs.GcsFileSystem(retry_time_limit=_RETRY_FOR)
    parts = urlsplit(emulator)
    return fs.GcsFileSystem(anonymous=True, scheme=parts.scheme, endpoint_override=parts.netloc, retry_time_limit=_RETRY_FOR)
