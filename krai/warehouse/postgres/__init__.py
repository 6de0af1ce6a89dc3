"""Datasets as tables of a PostgreSQL database."""
