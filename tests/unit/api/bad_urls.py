"""URLs that krai calls for nobody: what is no plain https URL, and hosts that are not on the public internet."""

BAD_URLS = [
    *(f"{scheme}://example.org/a" for scheme in ("http", "ftp", "gopher", "file", "data", "jar", "HTTPX")),
    *("//example.org/x", "example.org", "", "https:", "https://", "https:///x", "https:/example.org"),
    *("https://good@169.254.169.254/", "https://user:pw@host/", "https://good\\@169.254.169.254/", "https://@host/"),
    *("https://ho\tst/", "https://host\r\nX: y/", "https://ho\x00st/", "https://ho st/", "https://hôst/"),
    *("https://host:22/", "https://host:0/", "https://host:99999/", "https://host:x/", "https://[::1/", "https://ho%73t/"),
    "https://example.org/" + "x" * 2048,
]


INNER_HOSTS = [
    *("169.254.169.254", "2852039166", "0xA9FEA9FE", "0251.0376.0251.0376", "127.1", "①②⑦.⓪.⓪.①"),
    *("[::ffff:a9fe:a9fe]", "[64:ff9b::a9fe:a9fe]", "[fd20:ce::254]"),
    *(
        "metadata.google.internal",
        "metadata.google.internal.",
        "metadata",
        "localhost",
        "krai.default.svc.cluster.local",
        "10.0.0.1.nip.io",
    ),
]
