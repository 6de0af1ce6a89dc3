"""The backends that a child of the embedded mode works with; imported in children alone, for it loads Arrow and Iceberg."""

from krai.backends.local.blobs import LocalBlobStore
from krai.backends.local.disk import secret_key
from krai.settings import Settings
from krai.transfer.tools import Limits, Tools
from krai.warehouse.iceberg import open_local
from krai.wiring.folders import data_dir
from krai.wiring.signing import signing_key


def build(settings: Settings) -> Tools:
    home = data_dir(settings)
    return Tools(
        blobs=LocalBlobStore(home / "blobs", secret_key(home / "secret.key")),
        warehouse=open_local(home / "warehouse"),
        spool=home / "spool",
        limits=Limits(source_bytes=settings.max_source_mb << 20, unpacked_bytes=settings.max_unpacked_mb << 20),
        signing_key=signing_key(settings),
        url_imports=settings.url_imports == "on",
    )
