"""How log lines look: one line of text a record, with tenant, job and step where they are known, and without secrets."""

import logging
import re
import sys

_BOUND = ("tenant", "job", "step", "stream", "code", "blob")
_QUERY = re.compile(r"(https?://[^\s?'\"]+)\?[^\s'\"]*")
_PASSWORD = re.compile(r"(\w+://[^:/@\s]*):[^@/\s]+@")
_BEARER = re.compile(r"(?i)(bearer\s+|client_secret=|access_token[\"']?\s*[:=]\s*[\"']?)[A-Za-z0-9._~+/=-]+")


def redact(text: str) -> str:
    """The text without query strings (they hold cursors), passwords in URLs, bearer tokens and client secrets."""
    return _BEARER.sub(r"\1***", _PASSWORD.sub(r"\1:***@", _QUERY.sub(r"\1?***", text)))


class Formatter(logging.Formatter):
    """Time (UTC), level, logger, message, and the ids bound to the record."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S%z")

    def format(self, record: logging.LogRecord) -> str:
        bound = " ".join(
            f"{name}={getattr(record, name)}" for name in _BOUND if getattr(record, name, None) is not None
        )
        text = super().format(record)
        return redact(f"{text} [{bound}]" if bound else text)


def set_up(level: int = logging.INFO) -> None:
    """Sends everything to stderr in our format. Libraries that log requests are kept at warning."""
    # Not sys.stderr: in a worker's child that is Celery's, which writes to the log and would lose what comes from it.
    handler = logging.StreamHandler(sys.__stderr__)
    handler.setFormatter(Formatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in ("azure", "botocore", "boto3", "httpx", "httpcore", "msal", "urllib3", "kombu", "amqp"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
