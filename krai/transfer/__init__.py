"""What a child does with a job: imports, exports, and what they need on the way."""
