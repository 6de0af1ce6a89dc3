"""The issuers of ID tokens that a deployment knows."""

from collections.abc import Sequence

from pydantic import SecretStr

from krai.identity.issuers import Issuer, google
from krai.settings import Settings


def issuers(settings: Settings) -> Sequence[Issuer]:
    found = [
        Issuer(issuer=one.issuer, audience=one.audience, tenant=one.tenant, client_secret=_plain(one.client_secret))
        for one in settings.oidc_issuers
    ]
    if settings.google_client_id:
        found.insert(0, google(settings.google_client_id, _plain(settings.google_client_secret)))
    return found


def _plain(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()
