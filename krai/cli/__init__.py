"""The command `krai`: krai from a terminal, and from scripts."""
