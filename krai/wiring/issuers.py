"""The issuers of ID tokens that a deployment knows."""

from collections.abc import Sequence

from krai.identity.issuers import Issuer, google
from krai.settings import Settings


def issuers(settings: Settings) -> Sequence[Issuer]:
    others = [Issuer(issuer=one.issuer, audience=one.audience, tenant=one.tenant) for one in settings.oidc_issuers]
    return [*([google(settings.google_client_id)] if settings.google_client_id else []), *others]
