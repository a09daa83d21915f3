"""The Celery application: ``celery -A workers.app worker|beat|flower|inspect``."""

import os

from shared import logs, wiring

os.umask(0o077)  # what is written is private; with some masks not even we could read it again
logs.set_up()
app = wiring.celery_app()
app.conf.imports = ("workers.tasks", "workers.probing")
