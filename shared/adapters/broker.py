"""Parse the URL of Redis as the broker, and check whether it takes messages now."""

import socket
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import redis
from redis.backoff import NoBackoff
from redis.connection import parse_url
from redis.retry import Retry

from shared.domain.errors import Code, Refuse
from shared.ports.broker import Broker, BrokerAnswer, BrokerState

_PROBE = "entrakeep:broker-probe"
_REASON_LENGTH = 160
_FILES = frozenset({"ssl_ca_certs", "ssl_certfile", "ssl_keyfile"})
_CERTIFICATE_CHECKS = {"required": ssl.CERT_REQUIRED, "optional": ssl.CERT_OPTIONAL, "none": ssl.CERT_NONE}
_ADVICE = (
    ("OOM", "Raise its maxmemory, or free memory there"),
    ("MISCONF", "Free space on its disk, and see its log"),
    ("READONLY", "Set ENTRAKEEP_BROKER_URL to the primary, not to a replica"),
    ("NOREPLICAS", "Bring its replicas back"),
    ("MASTERDOWN", "Set ENTRAKEEP_BROKER_URL to the primary, not to a replica"),
    ("NOAUTH", "Set ENTRAKEEP_BROKER_URL to redis://USER:PASSWORD@HOST:PORT/NUMBER"),
    ("WRONGPASS", "Correct the user and password in ENTRAKEEP_BROKER_URL"),
    ("NOPERM", "Let that URL's user write, read, publish, subscribe and run scripts"),
    ("max number of clients", "Raise its maxclients, or end other clients"),
    ("DB index is out of range", "Correct the database number in ENTRAKEEP_BROKER_URL"),
)
"""What to do, by the beginning of Redis' reason (https://redis.io/docs, the error prefixes)."""


def broker_at(url: str) -> Broker:
    """Parse a ``redis://`` or ``rediss://`` URL.

    Raises Refuse ``SETTINGS_INVALID``, which quotes no value from the URL.
    """
    try:
        split = urlsplit(url)
        if split.scheme not in ("redis", "rediss") or not split.hostname:
            raise ValueError
        tls = _tls(dict(parse_qsl(split.query, keep_blank_values=True)), encrypted=split.scheme == "rediss")
        parts: Mapping[str, Any] = parse_url(url)  # type: ignore[no-untyped-call]  # redis-py leaves it untyped
    except ValueError:
        raise _invalid("must be redis://[USER:PASSWORD@]HOST:PORT/NUMBER") from None
    return Broker(
        url=url,
        host=parts.get("host", "localhost"),
        port=parts.get("port", 6379),
        database=parts.get("db", 0),
        username=parts.get("username"),
        password=parts.get("password"),
        tls=tls,
    )


def ask(broker: Broker, timeout: float) -> BrokerAnswer:
    """Store a value that expires at once, as messages are stored, and return what the broker answers.

    A PING alone would succeed on a Redis that is out of memory and on a read-only replica. ``timeout`` limits the
    connection and each answer, in seconds.
    """
    try:
        socket.create_connection((broker.host, broker.port), timeout).close()
    except (OSError, UnicodeError) as error:  # UnicodeError: the host name is malformed
        reason = getattr(error, "strerror", None) or "no answer"
        return BrokerAnswer(BrokerState.ABSENT, f"No Redis answers at {broker.place}: {reason}.")
    try:
        with redis.Redis.from_url(
            broker.url,
            protocol=2,  # protocol 3 begins with HELLO, whose error messages are long
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            retry=Retry(NoBackoff(), 0),
        ) as client:
            client.ping()
            client.set(_PROBE, "", px=1000)
    except redis.BusyLoadingError:
        return BrokerAnswer(BrokerState.LOADING, f"The Redis at {broker.place} is loading its data.")
    except (redis.TimeoutError, TimeoutError):
        plain = " If it does not speak TLS, write redis:// for rediss:// in ENTRAKEEP_BROKER_URL." if broker.tls else ""
        sentence = f"What listens at {broker.place} accepts connections, but has not answered for {timeout:g} s.{plain}"
        return BrokerAnswer(BrokerState.SILENT, sentence)
    except (redis.RedisError, OSError, ValueError) as error:
        return BrokerAnswer(BrokerState.UNUSABLE, _sentence(broker.place, error))
    return BrokerAnswer(BrokerState.READY)


def _sentence(place: str, error: Exception) -> str:
    """Return what is wrong with the server, and what to do."""
    untrusted = _cause(error, ssl.SSLCertVerificationError)
    if untrusted is not None:
        reason = getattr(untrusted, "verify_message", "") or "it does not fit the host"
        advice = "Name the file of its authority in ENTRAKEEP_BROKER_URL: rediss://…?ssl_ca_certs=FILE"
        return f"The certificate of the Redis at {place} is not trusted: {reason.rstrip('.')}. {advice}."
    if _cause(error, ssl.SSLError) is not None:
        return f"What listens at {place} does not speak TLS as rediss:// needs it: set ENTRAKEEP_BROKER_URL."
    reason = _reason(error)
    for beginning, advice in _ADVICE:
        if reason.startswith(beginning):
            return f"The Redis at {place} refuses messages ({reason}). {advice}."
    if isinstance(error, redis.ResponseError | redis.AuthenticationError):
        return f"The Redis at {place} refuses messages ({reason})."
    return f"What listens at {place} does not answer as a Redis: set ENTRAKEEP_BROKER_URL."


def _reason(error: Exception) -> str:
    """Return Redis' own message with its prefix: the first sentence on one line, printable, at most 160 characters."""
    prefix = getattr(error, "status_code", None)
    text = str(error) if prefix in (None, "ERR") else f"{prefix} {error}"
    first = " ".join(text.split()).split(". ")[0].rstrip(".")
    shown = "".join(character for character in first if character.isprintable())
    return shown if len(shown) <= _REASON_LENGTH else shown[:_REASON_LENGTH] + "…"


def _cause(error: BaseException | None, kind: type[Exception]) -> BaseException | None:
    """Return the first error of this kind among an error and its causes, or None."""
    while error is not None and not isinstance(error, kind):
        error = error.__cause__ or error.__context__
    return error


def _tls(options: Mapping[str, str], *, encrypted: bool) -> dict[str, object] | None:
    """Return redis-py's options for TLS from the URL's query. Raises Refuse, naming the wrong option."""
    known = (*sorted(_FILES), "ssl_cert_reqs", "ssl_check_hostname") if encrypted else ()
    for name, value in options.items():
        if name not in known:
            allowed = f"may have {', '.join(known)}" if known else "takes options with rediss:// only"
            raise _invalid(f"has an unknown option '{_shown(name)}'; it {allowed}")
        if name in _FILES and not Path(value).is_file():
            raise _invalid(f"names no file by its option {name}")
        if name == "ssl_cert_reqs" and value not in _CERTIFICATE_CHECKS:
            raise _invalid("has a wrong ssl_cert_reqs: it must be required, optional or none")
        if name == "ssl_check_hostname" and value.lower() not in ("true", "false"):
            raise _invalid("has a wrong ssl_check_hostname: it must be true or false")
    if not encrypted:
        return None
    tls: dict[str, object] = {name: value for name, value in options.items() if name in _FILES}
    tls["ssl_cert_reqs"] = _CERTIFICATE_CHECKS[options.get("ssl_cert_reqs", "required")]
    tls["ssl_check_hostname"] = (
        options.get("ssl_check_hostname", "true").lower() == "true" and tls["ssl_cert_reqs"] is not ssl.CERT_NONE
    )
    return tls


def _shown(name: str) -> str:
    """Return the first 40 characters of an option's name, without unprintable ones."""
    return "".join(character for character in name[:40] if character.isprintable())


def _invalid(problem: str) -> Refuse:
    """Return the refusal ``SETTINGS_INVALID``."""
    return Refuse(Code.SETTINGS_INVALID, f"ENTRAKEEP_BROKER_URL {problem}.")
