"""Celery beat: a thin layer that starts the engine."""
