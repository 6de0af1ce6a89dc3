"""krai: bulk exports and imports as jobs."""

__version__ = "0.1.0"
