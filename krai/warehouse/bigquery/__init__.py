"""Datasets as tables of BigQuery."""
