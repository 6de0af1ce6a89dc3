"""Builds the backends of a mode and starts the processes; the only place that knows which backends there are."""
