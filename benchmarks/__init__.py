"""Benchmarks: a full backup of users against only downloading the same pages (``python -m benchmarks``, ``make bench``)."""
