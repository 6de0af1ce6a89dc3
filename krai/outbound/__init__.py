"""Calls to places that callers name: on the public internet, or not at all."""
