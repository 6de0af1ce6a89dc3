"""The keys of manifests: children sign with one, the API shows the public ones."""

from krai.backends.local.disk import secret_key
from krai.settings import Mode, Settings
from krai.signature import SigningKey
from krai.wiring.folders import data_dir


def signing_key(settings: Settings) -> SigningKey | None:
    """The one that is set; in the embedded mode, without one, a key of its own in the data folder."""
    if settings.manifest_key is None and settings.mode is Mode.EMBEDDED:
        return SigningKey(secret_key(data_dir(settings) / "manifest.key"))
    return settings.signing_key


def public_keys(settings: Settings) -> tuple[dict[str, str], ...]:
    """The present one first, as JWKs."""
    key = signing_key(settings)
    return (*([] if key is None else [key.public]), *settings.old_keys)
