"""Telling callers what has happened by calling a URL of theirs, as Standard Webhooks 1.0.0 has it (https://www.standardwebhooks.com)."""
