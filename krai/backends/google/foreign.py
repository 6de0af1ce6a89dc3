"""A bucket that is not krai's own: read, and nothing else."""

from io import BufferedReader

from google.api_core.exceptions import Forbidden

from krai.backends.google.bucket import Bucket
from krai.backends.google.reading import blob_of, open_object
from krai.errors import Terminal, Transient
from krai.ports import Blob


class ForeignBucket:
    """Implements `ports.Files`. Whether krai's account may read it is its owner's to say: a refusal is final."""

    def __init__(self, name: str, *, project: str, emulator: str | None) -> None:
        self._bucket = Bucket(name, project=project, emulator=emulator)

    def stat(self, path: str) -> Blob | None:
        """Raises Terminal source_forbidden."""
        try:
            found = self._bucket.look(path)
        except Transient as error:
            if isinstance(error.__cause__, Forbidden):
                raise Terminal("source_forbidden", "The bucket does not let krai's service account read it.") from None
            if not self._bucket.is_there():
                return None
            raise
        return None if found is None else blob_of(found)

    def open(self, path: str, *, generation: str | None = None) -> BufferedReader:
        """Reads raise what this does when the object is replaced or deleted in the middle, and Transient."""
        return open_object(self._bucket, self.stat(path), generation)
