"""A thin way to start the engine: Celery workers."""
