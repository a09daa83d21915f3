"""The Celery application: ``celery -A workers.app worker|beat|flower|inspect``."""

import os

from celery.signals import setup_logging

from shared import wiring
from shared.domain.errors import EntrakeepError

os.umask(0o077)  # files stay private; under some inherited masks even their owner could not read them
try:
    wiring.set_up_logs()
    app = wiring.celery_app()
except EntrakeepError as error:
    raise SystemExit(
        str(error)
    ) from None  # reached when Celery is started without `up`, which checks the settings first
app.conf.imports = ("workers.tasks", "workers.probing")


@setup_logging.connect
def _logs(**_: object) -> None:
    """Keep the logging set-up of the settings. A receiver of this signal stops Celery from changing levels and handlers."""
