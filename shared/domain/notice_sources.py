"""Which notice an event causes: of a key, a backup, a job's end, or the audit trail."""

from collections.abc import Iterable, Mapping

from shared.domain.audit import Action, Plain
from shared.domain.backup_health import BackupState
from shared.domain.errors import Code
from shared.domain.jobs import JobKind, JobState, row_of
from shared.domain.key_health import KeyCondition, KeyWarning
from shared.domain.notices import Happening, NoticeKind

_DAMAGE = frozenset({Code.BLOB_DAMAGED, Code.BLOB_MISSING, Code.FORMAT_UNKNOWN})
_BACKUPS: Mapping[BackupState, NoticeKind] = {
    BackupState.FAILED: NoticeKind.BACKUP_FAILED,
    BackupState.LATE: NoticeKind.BACKUP_LATE,
    BackupState.RECOVERED: NoticeKind.BACKUP_RECOVERED,
    BackupState.EXPIRING: NoticeKind.CREDENTIAL_EXPIRING,
}
_AUDITED: Mapping[Action, tuple[NoticeKind, str]] = {
    Action.RESTORE_ASKED: (NoticeKind.RESTORE_ASKED, "A restore was requested."),
    Action.UNDO_ASKED: (NoticeKind.RESTORE_ASKED, "The undo of a restore was requested."),
    Action.RESTORE_ENDED: (NoticeKind.RESTORE_ENDED, "A restore has ended."),
    Action.RESTORE_REFUSED: (NoticeKind.RESTORE_ENDED, "A restore was refused."),
    Action.BREAK_GLASS_USED: (NoticeKind.BREAK_GLASS_USED, "A break-glass person has signed in."),
    Action.PERSON_ADDED: (NoticeKind.PERSON_CHANGED, "A person was added."),
    Action.PERSON_INVITED: (NoticeKind.PERSON_CHANGED, "A person was invited."),
    Action.PERSON_RESET: (NoticeKind.PERSON_CHANGED, "A person's ways to sign in were reset."),
    Action.PERSON_REMOVED: (NoticeKind.PERSON_CHANGED, "A person was removed."),
    Action.GRANT_GIVEN: (NoticeKind.ROLE_CHANGED, "A role was granted."),
    Action.GRANT_TAKEN: (NoticeKind.ROLE_CHANGED, "A role was taken away."),
    Action.WAY_ADDED: (NoticeKind.WAY_CHANGED, "A way to sign in was added."),
    Action.WAY_REMOVED: (NoticeKind.WAY_CHANGED, "A way to sign in was removed."),
    Action.CODES_MADE: (NoticeKind.WAY_CHANGED, "New one-time codes were made."),
    Action.TOKEN_MADE: (NoticeKind.TOKEN_CHANGED, "A token for the API was made."),
    Action.TOKEN_ENDED: (NoticeKind.TOKEN_CHANGED, "A token for the API was ended."),
    Action.NOTICE_TARGET_ADDED: (NoticeKind.TARGET_CHANGED, "A notice target was added."),
    Action.NOTICE_TARGET_REMOVED: (NoticeKind.TARGET_CHANGED, "A notice target was removed."),
}


def of_key(
    condition: KeyCondition, code: Code | None, message: str, arn: str, warnings: Iterable[KeyWarning]
) -> Happening:
    """Return the notice of an event about a tenant's key."""
    sentences = [message, *(warning.message for warning in warnings)]
    kind = NoticeKind.KEY_WARNS
    if condition is KeyCondition.REVOKED:
        kind = NoticeKind.KEY_REFUSED
    elif condition is KeyCondition.OK and len(sentences) == 1:
        kind = NoticeKind.KEY_ANSWERS
    return Happening(kind=kind, message=" ".join(sentences), code=code, detail={"key": arn})


def of_backup(state: BackupState, code: Code | None, message: str, job_id: str | None) -> Happening:
    """Return the notice of an event about a tenant's backups."""
    detail: dict[str, Plain] = {} if job_id is None else {"job": job_id}
    return Happening(kind=_BACKUPS[state], message=message, code=code, detail=detail)


def of_completeness(job_id: str, snapshot_id: str, lacking_before: set[str], lacking: set[str]) -> Happening | None:
    """Return the notice of a snapshot that lacks resources which the one before had, or None."""
    newly = sorted(lacking - lacking_before)
    if not newly:
        return None
    number = f"{len(newly):,} {'resource' if len(newly) == 1 else 'resources'}"
    message = f"The newest snapshot lacks {number} that the one before had: {', '.join(newly[:5])}"
    return Happening(
        kind=NoticeKind.BACKUP_LESS_COMPLETE,
        message=f"{message}{', and others' if len(newly) > 5 else ''}. See the completeness report.",
        detail={"job": job_id, "snapshot": snapshot_id, "lacking": len(lacking)},
    )


def of_job_end(
    kind: str, job_id: str, state: JobState, code: Code | None, counts: Mapping[str, int]
) -> Happening | None:
    """Return the notice of a job that found damage, or None."""
    damaged = counts.get("damaged", 0)
    if code not in _DAMAGE and not (kind == JobKind.VERIFY and damaged):
        return None
    known = row_of(kind)
    command = known.command if known is not None and known.command else "A job"
    return Happening(
        kind=NoticeKind.DAMAGE_FOUND,
        message=f"'{command}' found damage in the store. Look at the job, and keep the store as it is.",
        code=code,
        detail={"job": job_id, "state": state.value, **({"damaged": damaged} if damaged else {})},
    )


def of_audit(
    action: Action, actor: str, subject: Mapping[str, str | None], detail: Mapping[str, Plain]
) -> Happening | None:
    """Return the notice of an event of the audit trail, or None if it has none."""
    if action not in _AUDITED:
        return None
    kind, message = _AUDITED[action]
    shown: dict[str, Plain] = {name: value for name, value in {**subject, **detail}.items() if value not in (None, "")}
    code = shown.pop("code", None)
    return Happening(kind=kind, message=message, code=Code(str(code)) if code else None, detail={**shown, "by": actor})
