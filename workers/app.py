"""The Celery application: ``celery -A workers.app worker|beat|flower|inspect``."""

from shared import logs, wiring

logs.set_up()
app = wiring.celery_app()
app.conf.imports = ("workers.tasks", "workers.probing")
