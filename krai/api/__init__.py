"""The HTTP API: translates between HTTP and the use cases in `krai.submit` and `krai.steer`; it opens no data file."""
