"""What looks like a secret does not get into a log, whoever says it: krai, a library, or an error's text."""

import re
from typing import Any

SECRETS = re.compile(
    r"krai_[0-9a-f]{16}_[0-9A-Za-z]{16,}"  # an API key
    r"|whsec_[A-Za-z0-9+/]{16,}=*"  # a webhook secret
    r"|eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]+){1,4}"  # a JWT: the beginning is `{"` in base64
    r"|(?<=bearer )[A-Za-z0-9._~+/=-]{16,}"
    r"|(?<=postgres://)[^\s/@]+(?=@)|(?<=postgresql://)[^\s/@]+(?=@)"  # who comes to a database, and their password
    r"|(?<=password=)[^\s&\"'#]+"
    # In addresses: links and upload sessions that krai or Google has signed, and what an OpenID provider hands back.
    r"|(?<=[?&])(?:signature|x-goog-signature|x-goog-credential|upload_id|code|state|(?:x-)?api[_-]key)=[^\s&\"'#]+",
    re.ASCII | re.IGNORECASE,
)
GONE = "[redacted]"


def redacted(value: Any) -> Any:
    """The same without secrets, in texts as deep as they stand in lists and objects."""
    if isinstance(value, str):
        return SECRETS.sub(GONE, value)
    if isinstance(value, dict):
        return {name: redacted(item) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [redacted(item) for item in value]
    return value
