"""The datasets by an Iceberg REST catalog; imported only where they are."""

from krai import catalog_url
from krai.settings import Mode, Settings
from krai.warehouse.iceberg import IcebergWarehouse
from krai.warehouse.rest import open_rest
from krai.wiring.folders import data_dir


def open_warehouse(settings: Settings, address: str) -> IcebergWarehouse:
    """Files are where the URL says, or else where the mode keeps them."""
    url = catalog_url.read(address)
    otherwise = f"gs://{settings.gcs_bucket}/warehouse" if settings.mode is Mode.GCP else str(data_dir(settings) / "warehouse")
    secret = settings.iceberg_credential
    return open_rest(
        url,
        url.root(otherwise),
        credential=None if secret is None else secret.get_secret_value(),
        project=settings.google_cloud_project,
        storage_emulator=settings.storage_emulator,
    )
