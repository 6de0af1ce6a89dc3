"""Files in a Google Cloud Storage bucket, for Arrow and for pyiceberg."""

from datetime import timedelta
from urllib.parse import urlsplit

from pyarrow import fs
from pyiceberg.io.pyarrow import PyArrowFileIO

_RETRY_FOR = timedelta(seconds=30)  # Arrow would go on for 15 minutes


class BucketIO(PyArrowFileIO):
    """How pyiceberg comes to the bucket: by one file system, for each has connections and a token of its own."""

    def __init__(self, files: fs.FileSystem) -> None:
        super().__init__()
        self.fs_by_scheme = lambda _scheme, _netloc: files


def open_files(emulator: str | None) -> fs.FileSystem:
    """`emulator` is http://host:port."""
    if emulator is None:
        return fs.GcsFileSystem(retry_time_limit=_RETRY_FOR)
    parts = urlsplit(emulator)
    return fs.GcsFileSystem(anonymous=True, scheme=parts.scheme, endpoint_override=parts.netloc, retry_time_limit=_RETRY_FOR)
