"""The backends that a child of the embedded mode works with; imported in children alone, for it loads Arrow and Iceberg."""

from krai.backends.local.blobs import LocalBlobStore
from krai.backends.local.disk import secret_key
from krai.settings import Settings
from krai.transfer.tools import Tools
from krai.warehouse.iceberg import open_local
from krai.wiring.datasets import open_datasets
from krai.wiring.folders import data_dir
from krai.wiring.signing import signing_key


def build(settings: Settings) -> Tools:
    home = data_dir(settings)
    warehouse, limits = open_datasets(settings, lambda: open_local(home / "warehouse"))
    return Tools(
        blobs=LocalBlobStore(home / "blobs", secret_key(home / "secret.key")),
        warehouse=warehouse,
        spool=home / "spool",
        limits=limits,
        signing_key=signing_key(settings),
        url_imports=settings.url_imports == "on",
    )
