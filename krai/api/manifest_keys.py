"""`/.well-known/krai-keys.json`: the public keys that manifests are verified with."""

from typing import Literal

from fastapi import APIRouter, Response

from krai.api import examples, openapi
from krai.api.answers import Answer
from krai.api.deps import ApiOf

router = APIRouter(tags=["service"])
MAX_AGE_S = 3600


class ManifestKey(Answer):
    """RFC 8037; `kid` is the thumbprint (RFC 7638)."""

    kty: Literal["OKP"]
    crv: Literal["Ed25519"]
    x: str
    kid: str
    alg: Literal["Ed25519"]
    use: Literal["sig"]


class ManifestKeys(Answer):
    """A JSON Web Key Set (RFC 7517): the present key first, then those before it. Empty where manifests are not signed."""

    keys: list[ManifestKey]


@router.get(
    "/.well-known/krai-keys.json",
    summary="The keys that manifests are signed with",
    responses=openapi.gives(200, ManifestKeys, "Public keys", examples.MANIFEST_KEYS),
)
async def manifest_keys(api: ApiOf) -> Response:
    answer = ManifestKeys(keys=[ManifestKey.model_validate(key) for key in api.manifest_keys])
    return Response(answer.model_dump_json(), media_type="application/json", headers={"cache-control": f"public, max-age={MAX_AGE_S}"})
