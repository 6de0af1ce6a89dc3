import pytest

from krai.outbound import urls
from krai.outbound.addresses import NotPublic

GOOD = [
    *("https://example.org", "https://example.org/", "HTTPS://Example.ORG/a", "https://files.example.org:8443/a/b.csv?c=d&e=%2F#f"),
    *("https://example.org:443/", "https://example.org:1024/", "https://example.org:65535/", "https://xn--bcher-kva.example/"),
    *("https://internal.example.org/", "https://local.host.example/", "https://notlocalhost.org/", "https://1.2.3.4.example.org/"),
    *("https://nip.io.example.org/", "https://0x1.example.org/", "https://a.b/@c:d@e", f"https://{'a' * 63}.org/"),
    "https://example.org/".ljust(2048, "x"),
]
MALFORMED = [
    *(f"{scheme}://example.org/a" for scheme in ("http", "ftp", "gopher", "file", "data", "jar", "ws", "httpx", "")),
    *(
        "jar:https://example.org/a!/b",
        "data:,a",
        "//example.org/x",
        "example.org",
        "",
        "https:",
        "https://",
        "https:///x",
        "https:/example.org",
    ),
    *("https://good@169.254.169.254/", "https://user:pw@host.example/", "https://good\\@169.254.169.254/", "https://@example.org/"),
    *(
        "https://exa\tmple.org/",
        "https://example.org\r\nX: y/",
        "https://exa\x00mple.org/",
        "https://exa mple.org/",
        " https://example.org",
    ),
    *("https://exam%00ple.org/", "https://ex%61mple.org/", "https://127.0.0.1%2f@example.org/", "https://[fe80::1%25eth0]/"),
    *("https://bücher.example/", "https://example.org/ü", "https://exam\u00adple.org/", "https://example.org\u2100/"),
    *(f"https://example.org:{port}/" for port in (22, 0, 80, 1023, 65536, 99999, 100000, "x", "-1", "4٣3", "")),
    *("https://[::1/", "https://::1]/", "https://[::1]x/", "https://[::gg]/", "https://[v1.x]/", "https://[]/", "https://[1:2]/"),
    *("https://./", "https://../", "https://a..b/", "https://.example.org/", "https://-a.example/", "https://a-.example/"),
    *("https://example.org./", f"https://{'a' * 64}.org/", f"https://{'a.' * 127}org/", "https://exa_mple.org/"),
    *("https://example.org/".ljust(2049, "x"), "https://example.org/\ud800"),
    *(f"https://example.org/{character}" for character in '"<>^`{|} \n'),
]
NOT_PUBLIC = [
    *(
        "169.254.169.254",
        "2852039166",
        "0xA9FEA9FE",
        "0XA9FEA9FE",
        "0251.0376.0251.0376",
        "0251.0376.43518",
        "127.1",
        "127.0.0.1",
        "0",
        "0x",
    ),
    *("127.0.0.1.", "127.0.0.0x1", "256.256.256.256", "1.2.3.4.5", "8.8.8.8"),
    *("①②⑦.⓪.⓪.①", "127。0。0。1", "127\uff0e0\uff0e0\uff0e1", "\uff11\uff12\uff17.0.0.1", "⓪x7f.1"),
    *("[::1]", "[::]", "[::ffff:a9fe:a9fe]", "[::ffff:169.254.169.254]", "[64:ff9b::a9fe:a9fe]", "[fd20:ce::254]", "[2606:4700::1111]"),
    *("localhost", "LocalHost", "localhost.", "localhost..", "a.localhost", "a.localhost."),
    *("metadata", "metadata.", "metadata.google.internal", "metadata.google.internal.", "METADATA.Google.Internal", "a.internal"),
    *("printer.local", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local", "kubernetes", "intranet"),
    *("127.0.0.1.nip.io", "a9fea9fe.nip.io", "nip.io", "10-0-0-1.sslip.io", "10.0.0.1.xip.io", "10.0.0.1.nip.io."),
]


@pytest.mark.parametrize("url", GOOD)
def test_a_plain_https_url_with_the_name_of_a_host_is_fine(url: str) -> None:
    assert urls.check(url).scheme == "https"


@pytest.mark.parametrize("url", MALFORMED)
def test_anything_else_is_malformed(url: str) -> None:
    with pytest.raises(urls.Malformed):
        urls.check(url)


@pytest.mark.parametrize("host", NOT_PUBLIC)
@pytest.mark.parametrize("after", ["", ":8443", "/a"])
def test_a_host_that_is_an_address_or_a_name_of_ones_own_is_not_public(host: str, after: str) -> None:
    with pytest.raises(NotPublic):
        urls.check(f"https://{host}{after}")


def test_a_long_host_is_read_in_no_time() -> None:
    with pytest.raises(urls.Malformed):
        urls.check(f"https://{'a-' * 1000}!/")
