"""The environment of a krai that refuses nobody, for tests and measurements that ask for more than one caller may."""

UNLIMITED = {
    "KRAI_RATE_LIMIT_CREATE": "off",
    "KRAI_RATE_LIMIT_READ": "off",
    "KRAI_QUOTA_QUEUED": "off",
    "KRAI_QUOTA_RUNNING": "off",
    "KRAI_QUOTA_GIB_PER_DAY": "off",
}
