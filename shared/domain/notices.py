"""Notices: what happened, for people who do not look. Kinds, targets, and the texts of notices.

A notice contains ids, counts, codes, names that an administrator typed, and Entrakeep's own sentences. It never contains
anything from a directory.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from types import MappingProxyType

import msgspec

from shared.domain.audit import Plain
from shared.domain.errors import Code, Refuse
from shared.domain.limits import LIMITS

_MARKUP = frozenset("<>&@*`[]|~\\")
"""Characters that a chat service may take for a link, a mention or a format."""


class NoticeKind(StrEnum):
    """What a notice is about: a closed list. Values are added, never reused."""

    KEY_REFUSED = "key.refused"
    KEY_ANSWERS = "key.answers"
    KEY_WARNS = "key.warns"
    BACKUP_FAILED = "backup.failed"
    BACKUP_LATE = "backup.late"
    BACKUP_LESS_COMPLETE = "backup.less-complete"
    BACKUP_RECOVERED = "backup.recovered"
    CREDENTIAL_EXPIRING = "credential.expiring"
    RESTORE_ASKED = "restore.asked"
    RESTORE_ENDED = "restore.ended"
    DAMAGE_FOUND = "damage.found"
    BREAK_GLASS_USED = "break-glass.used"
    PERSON_CHANGED = "person.changed"
    ROLE_CHANGED = "role.changed"
    WAY_CHANGED = "way.changed"
    TOKEN_CHANGED = "token.changed"  # noqa: S105 - a kind, not a secret
    TARGET_CHANGED = "target.changed"
    TEST = "test"
    """Sent by hand to one target. No target chooses it."""


LABELS: Mapping[NoticeKind, str] = MappingProxyType(
    {
        NoticeKind.KEY_REFUSED: "Key refused",
        NoticeKind.KEY_ANSWERS: "Key answers again",
        NoticeKind.KEY_WARNS: "Key warns, or KMS does not answer",
        NoticeKind.BACKUP_FAILED: "Backup failed",
        NoticeKind.BACKUP_LATE: "Backup late",
        NoticeKind.BACKUP_LESS_COMPLETE: "Backup less complete than the one before",
        NoticeKind.BACKUP_RECOVERED: "Backups work again",
        NoticeKind.CREDENTIAL_EXPIRING: "Secret or certificate expires soon",
        NoticeKind.RESTORE_ASKED: "Restore requested",
        NoticeKind.RESTORE_ENDED: "Restore ended",
        NoticeKind.DAMAGE_FOUND: "Damage found",
        NoticeKind.BREAK_GLASS_USED: "Break-glass person signed in",
        NoticeKind.PERSON_CHANGED: "Person added, invited, reset or removed",
        NoticeKind.ROLE_CHANGED: "Role granted or taken",
        NoticeKind.WAY_CHANGED: "Passkey or other way to sign in changed",
        NoticeKind.TOKEN_CHANGED: "API token made or ended",
        NoticeKind.TARGET_CHANGED: "Notice target added or removed",
        NoticeKind.TEST: "Test",
    }
)
"""What each kind is called on pages and in subjects."""
CHOICES = tuple(kind for kind in NoticeKind if kind is not NoticeKind.TEST)
"""The kinds that a target may choose."""
OF_INSTALLATION = frozenset({NoticeKind.PERSON_CHANGED, NoticeKind.WAY_CHANGED, NoticeKind.BREAK_GLASS_USED})
"""Kinds that only targets of the installation get, because people belong to the installation."""
_KNOWN = frozenset(kind.value for kind in NoticeKind)
_GOOD = frozenset({NoticeKind.KEY_ANSWERS, NoticeKind.BACKUP_RECOVERED})


class TargetKind(StrEnum):
    """How notices reach a target."""

    MAIL = "mail"
    CHAT = "chat"
    WEBHOOK = "webhook"


class Happening(msgspec.Struct, frozen=True, kw_only=True):
    """Something that notices report, as the transaction of its cause stores it."""

    kind: NoticeKind
    message: str
    """Sentences of Entrakeep."""
    code: Code | None = None
    detail: dict[str, Plain] = {}
    """Ids, counts and names that an administrator typed."""


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """A notice as receivers get it. Webhooks post this document."""

    id: str
    """The same for each target and each try."""
    notice: str
    """A ``NoticeKind``, or a kind of a newer version."""
    tenant: str | None
    """The tenant's name, or None if it is about the installation."""
    tenant_id: str | None
    at: datetime
    message: str
    code: str | None
    detail: dict[str, Plain]


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """A receiver of notices, without its secret."""

    target_id: str
    tenant_id: str | None
    """The tenant whose notices it gets, or None for those of each tenant and of the installation."""
    name: str
    kind: TargetKind
    place: str
    """Where notices go, without a secret."""
    notices: tuple[str, ...]
    made_by: str
    made_at: datetime


class TargetSecret(msgspec.Struct, frozen=True, kw_only=True):
    """What a target's seal contains. Its ids tie it to the target: another target's seal is refused."""

    target_id: str
    tenant_id: str | None
    kind: TargetKind
    address: str
    """A mail address, or a URL that may contain a secret."""
    secret: str | None = None
    """The key of a webhook's signatures."""


def chosen(names: Iterable[str], tenant_id: str | None) -> tuple[NoticeKind, ...]:
    """Return the kinds with these names, in their usual order; all for no name.

    Raise Refuse ``WRONG_USE`` for a name that is not in the list, or that a tenant's target never gets.
    """
    available = choices(tenant_id)
    wanted = set(names)
    unknown = sorted(wanted - {kind.value for kind in available})
    if unknown:
        known = ", ".join(kind.value for kind in available)
        raise Refuse(Code.WRONG_USE, f"There is no notice {unknown[0]!a} here. Choose from: {known}.")
    return tuple(kind for kind in available if not wanted or kind.value in wanted)


def choices(tenant_id: str | None) -> tuple[NoticeKind, ...]:
    """Return the kinds that a target of the tenant, or with None of the installation, may choose."""
    return tuple(kind for kind in CHOICES if tenant_id is None or kind not in OF_INSTALLATION)


def subject_of(notice: Notice) -> str:
    """Return the subject of a mail, harmless in any program."""
    where = f" - {notice.tenant}" if notice.tenant else ""
    return harmless(f"Entrakeep: {label(notice.notice)}{where}", 150)


def text_of(notice: Notice) -> str:
    """Return the notice as plain text for mail and chat, harmless in any program."""
    lines = [notice.message, ""]
    lines += [f"Tenant: {notice.tenant}"] if notice.tenant else []
    lines += [f"Code: {notice.code}"] if notice.code else []
    lines += [f"{name.replace('_', ' ').capitalize()}: {value}" for name, value in notice.detail.items()]
    lines += [f"Time: {notice.at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC", f"Notice: {notice.id}"]
    return "\n".join(harmless(line, LIMITS.notice_characters) for line in lines)


def label(kind: str) -> str:
    """Return what a kind is called. A kind of a newer version is called by its own name."""
    return LABELS[NoticeKind(kind)] if kind in _KNOWN else kind


def severity(kind: str) -> str:
    """Return ``success``, ``info`` or ``warning``, for the colour of a chat message."""
    if kind in _GOOD:
        return "success"
    return "info" if kind == NoticeKind.TEST else "warning"


def harmless(text: str, longest: int) -> str:
    """Return one line of text in which no program finds markup, a mention, a link, or a change of direction."""
    kept = text if len(text) <= longest else f"{text[:longest]}…"
    shown = "".join("?" if each in _MARKUP or not each.isprintable() else each for each in kept)
    return shown.replace("://", ": //").replace("www.", "www ")
