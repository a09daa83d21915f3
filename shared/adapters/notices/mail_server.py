"""The mail server of ``ENTRAKEEP_SMTP_URL_FILE``: read again for each mail, so that a new password counts at once."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from shared.ports.notices import NotTaken

_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_WRONG = "ENTRAKEEP_SMTP_URL_FILE does not contain smtps://USER:PASSWORD@HOST?from=ADDRESS"
_PORTS = {"smtps": 465, "smtp": 587}


def mail_server(file: Path | None) -> dict[str, Any]:
    """Return apprise's values for the mail server in the file. Raise NotTaken, without the file's text."""
    if file is None:
        raise NotTaken("no mail server: set ENTRAKEEP_SMTP_URL_FILE for the workers")
    try:
        parts = urlsplit(file.read_text("utf-8").strip())
        port, sender = parts.port, parse_qs(parts.query).get("from", [""])[0]
    except OSError:
        raise NotTaken("ENTRAKEEP_SMTP_URL_FILE cannot be read") from None
    except ValueError:
        raise NotTaken(_WRONG) from None
    if parts.scheme not in _PORTS or not parts.hostname or "@" not in sender:
        raise NotTaken(_WRONG)
    plain = parts.scheme == "smtp" and parts.hostname in _LOOPBACK
    return {
        "schema": "mailtos",
        "host": parts.hostname,
        "smtp_host": parts.hostname,
        "port": port or _PORTS[parts.scheme],
        "user": unquote(parts.username) if parts.username else None,
        "password": unquote(parts.password) if parts.password else None,
        "from_addr": sender,
        "secure": not plain,
        "secure_mode": "insecure" if plain else "ssl" if parts.scheme == "smtps" else "starttls",
    }
