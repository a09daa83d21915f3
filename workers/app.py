"""The Celery application: ``celery -A workers.app worker|beat|flower|inspect``."""

import os

from celery.signals import setup_logging

from shared import wiring
from shared.domain.errors import EntrakeepError

os.umask(0o077)  # what is written is private; with some masks not even we could read it again
try:
    wiring.set_up_logs()
    app = wiring.celery_app()
except EntrakeepError as error:
    raise SystemExit(str(error)) from None  # of whoever starts Celery without `up`, which has looked before
app.conf.imports = ("workers.tasks", "workers.probing")


@setup_logging.connect
def _logs(**_: object) -> None:
    """Keep the log as the settings say: with a receiver of this signal, Celery changes no level and no handler."""
