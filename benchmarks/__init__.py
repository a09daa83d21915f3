"""Benchmarks: compare a backup with a bare download of the same pages, and with other programs (``python -m benchmarks``)."""
