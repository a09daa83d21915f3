"""Celery workers: a thin layer that starts the engine."""
