"""Benchmarks: a backup against only downloading the same pages, and against other programs (``python -m benchmarks``)."""
