"""The form of log lines: one line of text or JSON for each record, with tenant, job and step if known, without secrets."""

import json
import logging
import re
import sys

_BOUND = (
    *("tenant", "job", "step", "stream", "kind", "state", "code", "blob", "snapshot"),
    *("objects", "links", "changed", "records", "snapshots", "blobs", "damaged", "removed", "moved", "seconds"),
)
"""Attributes that a record may have beside its message: ids, codes and counts."""
_QUERY = re.compile(r"(https?://[^\s?'\"]+)\?[^\s'\"]*")
_PASSWORD = re.compile(r"(\w+://[^:/@\s]*):[^@/\s]+@")
_BEARER = re.compile(r"(?i)(bearer\s+|client_secret=|access_token[\"']?\s*[:=]\s*[\"']?)[A-Za-z0-9._~+/=-]+")


def redact(text: str) -> str:
    """Return the text without query strings (they contain cursors), passwords in URLs, bearer tokens and client secrets."""
    return _BEARER.sub(r"\1***", _PASSWORD.sub(r"\1:***@", _QUERY.sub(r"\1?***", text)))


class Formatter(logging.Formatter):
    """Formats a record as text: time (UTC), level, logger, message, and the ids bound to the record."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S%z")

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line of text."""
        bound = " ".join(f"{name}={value}" for name, value in _bound(record).items())
        text = super().format(record)
        return redact(f"{text} [{bound}]" if bound else text)


class JsonFormatter(logging.Formatter):
    """Formats a record as one JSON document a line, for log collectors."""

    def __init__(self) -> None:
        super().__init__(datefmt="%Y-%m-%dT%H:%M:%S%z")

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line of JSON."""
        document = {
            "time": self.formatTime(record, self.datefmt),
            "level": record.levelname,
            "logger": record.name,
            "message": redact(record.getMessage()),
            **_bound(record),
        }
        if record.exc_info:
            document["exception"] = redact(self.formatException(record.exc_info))
        return json.dumps(document, default=str)


def _bound(record: logging.LogRecord) -> dict[str, object]:
    values = ((name, getattr(record, name, None)) for name in _BOUND)
    return {name: value for name, value in values if value is not None}


def set_up(form: str = "text", level: str = "info") -> None:
    """Send every record from ``level`` on to stderr, as ``text`` or ``json``.

    Libraries that log requests start at warning.
    """
    # Not sys.stderr: in a worker's child that is Celery's proxy, which would drop records of its own logger.
    handler = logging.StreamHandler(sys.__stderr__)
    handler.setFormatter(JsonFormatter() if form == "json" else Formatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for noisy in ("azure", "botocore", "boto3", "httpx", "httpcore", "msal", "urllib3", "kombu", "amqp"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))
