"""The worker: pulls wake-up messages and runs jobs in children."""
