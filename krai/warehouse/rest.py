"""The warehouse whose catalog is behind Iceberg's REST protocol, with its files in a folder or a bucket."""

from krai.catalog_url import CatalogUrl
from krai.warehouse.bucket_files import BucketIO, open_files
from krai.warehouse.files import LocalFileIO, LocalFiles
from krai.warehouse.iceberg import IcebergWarehouse
from krai.warehouse.rest_catalog import RestCatalog, open_session
from krai.warehouse.rest_credentials import credential_for


def open_rest(
    url: CatalogUrl, root: str, *, credential: str | None = None, project: str | None = None, storage_emulator: str | None = None
) -> IcebergWarehouse:
    """Files under `root`, a folder or gs://bucket/prefix; `project` is whom Google charges, `storage_emulator` is http://host:port."""
    proves = credential_for(url, credential, project, open_session)
    if root.startswith("gs://"):
        files = open_files(storage_emulator)
        return IcebergWarehouse(root, RestCatalog(url, proves, BucketIO(files)), files)
    return IcebergWarehouse(root, RestCatalog(url, proves, LocalFileIO()), LocalFiles())
