import pytest

from krai.identity import base64url


@pytest.mark.parametrize("text", [b"Q", b"QQ==", b"QQ=", b"QR", b"QUJ", b"Q+", b"Q/", b"QQ\n", b" QQ", b"Q.Q", b"\xff\xff"])
def test_it_refuses(text: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        base64url.decode(text)


@pytest.mark.parametrize(("text", "value"), [(b"", b""), (b"QQ", b"A"), (b"QUI", b"AB"), (b"QUJD", b"ABC"), (b"-_8", b"\xfb\xff")])
def test_it_reads(text: bytes, value: bytes) -> None:
    assert base64url.decode(text) == value
