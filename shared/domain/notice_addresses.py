"""Addresses of notice targets: which are taken, and what may be shown of them without a secret."""

import re
from typing import NamedTuple
from urllib.parse import SplitResult, parse_qsl, urlsplit

from shared.domain.errors import Code, Refuse
from shared.domain.limits import LIMITS
from shared.domain.notices import TargetKind

_MAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_{|}~-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)+[A-Za-z0-9-]{2,63}")
_LOOPBACK = ("127.0.0.1", "::1", "localhost")

_SERVICES = {
    "slack": "Slack",
    "msteams": "Microsoft Teams",
    "workflows": "Microsoft Teams",
    "discord": "Discord",
    "gchat": "Google Chat",
    "wxteams": "Webex",
    "tgram": "Telegram",
    "pagerduty": "PagerDuty",
    "opsgenie": "Opsgenie",
    "zulip": "Zulip",
}
"""Chat services by the scheme of their apprise URLs."""
_SELF_HOSTED = {"mmosts": "Mattermost", "rockets": "Rocket.Chat", "ntfys": "ntfy", "matrixs": "Matrix"}
"""Chat services whose apprise URL names a host of one's own."""
CHAT_SCHEMES = frozenset(_SERVICES) | frozenset(_SELF_HOSTED)
MAIL_SCHEMES = frozenset({"mailto", "mailtos"})
_OWN_LINKS = (
    ("hooks.slack.com", "Slack"),
    ("discord.com", "Discord"),
    ("chat.googleapis.com", "Google Chat"),
    (".webhook.office.com", "Microsoft Teams"),
    (".logic.azure.com", "Microsoft Teams"),
    (".powerplatform.com", "Microsoft Teams"),
)
"""Hosts whose own webhook links apprise takes."""
_OPTIONS = frozenset(
    {
        *("from", "to", "name", "smtp", "mode", "user", "pass"),
        *("channel", "channels", "topic", "thread", "thread_id", "threadid", "priority", "footer", "image", "avatar"),
        *("api-version", "sp", "sv", "sig", "key", "token"),
    }
)
"""Options of an apprise URL that are taken. Others read files of this machine, or switch off checks and time limits."""


class Address(NamedTuple):
    """A checked address."""

    address: str
    place: str
    """What may be shown of it."""


def checked(kind: TargetKind, text: str, tenant_id: str | None) -> Address:
    """Return the address, checked. Raise Refuse ``WRONG_USE`` with a sentence that does not repeat it."""
    address = text.strip()
    longest = LIMITS.notice_characters
    if not address or len(address) > longest or not address.isprintable() or any(each.isspace() for each in address):
        raise _wrong(f"The address must have from 1 to {longest:,} characters, without spaces and line breaks.")
    if kind is TargetKind.MAIL:
        return _mail(address)
    parts = _parts(address)
    return _webhook(address, parts, tenant_id) if kind is TargetKind.WEBHOOK else _chat(address, parts)


def is_mail_address(address: str) -> bool:
    """Return True for ``someone@example.com``, as opposed to an apprise URL."""
    return _MAIL.fullmatch(address) is not None


def _mail(address: str) -> Address:
    """Return a mail address, or the apprise URL of a mail server."""
    if is_mail_address(address):
        return Address(address, address)
    parts = _parts(address)
    if parts.scheme not in MAIL_SCHEMES or not parts.hostname:
        raise _wrong("Give a mail address such as ops@example.com, or an apprise URL that begins with mailtos://.")
    _check_options(parts)
    return Address(address, f"mail through {parts.hostname}")


def _webhook(address: str, parts: SplitResult, tenant_id: str | None) -> Address:
    """Return the URL of a webhook."""
    near = tenant_id is None and parts.scheme == "http" and parts.hostname in _LOOPBACK
    if not (near or parts.scheme == "https") or not parts.hostname or "@" in parts.netloc or parts.fragment:
        raise _wrong("The webhook's URL must be https://HOST/PATH, without a user name and without '#'.")
    return Address(address, f"{parts.scheme}://{_host(parts)}")


def _chat(address: str, parts: SplitResult) -> Address:
    """Return an apprise URL of a chat service, or the service's own webhook link."""
    _check_options(parts)
    host = parts.hostname or ""
    if parts.scheme == "https":
        for known, service in _OWN_LINKS:
            if host == known or (known.startswith(".") and host.endswith(known)):
                return Address(address, service)
    if parts.scheme in _SELF_HOSTED and host:
        return Address(address, f"{_SELF_HOSTED[parts.scheme]} at {_host(parts)}")
    if parts.scheme in _SERVICES and parts.netloc:
        return Address(address, _SERVICES[parts.scheme])
    known = ", ".join(sorted({*_SERVICES.values(), *_SELF_HOSTED.values()}))
    raise _wrong(f"This is no address of a chat service that is taken: {known}. Give its webhook link or apprise URL.")


def _host(parts: SplitResult) -> str:
    """Return host and port."""
    return f"{parts.hostname}:{parts.port}" if parts.port else f"{parts.hostname}"


def _parts(address: str) -> SplitResult:
    """Return the URL's parts. Raise Refuse ``WRONG_USE``."""
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError:
        raise _wrong("The address is not a URL.") from None
    return parts


def _check_options(parts: SplitResult) -> None:
    """Raise Refuse ``WRONG_USE`` for an option that is not taken."""
    names = {name.lower().lstrip("+-:") for name, _ in parse_qsl(parts.query, keep_blank_values=True)}
    unknown = sorted(names - _OPTIONS)
    if unknown:
        raise _wrong(f"The address has an option that is not taken: {unknown[0][:40]!a}. Leave it out.")


def _wrong(sentence: str) -> Refuse:
    return Refuse(Code.WRONG_USE, sentence)
