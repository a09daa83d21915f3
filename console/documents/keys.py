"""Documents of KMS keys: their state, their policy, and what the store has under untrusted ones."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from console.documents.times import Moment, moment
from shared.domain.arns import account_of, region_of
from shared.domain.errors import Code
from shared.domain.jobs import Job, JobKind, JobState, KeyChangeProgress
from shared.domain.key_health import KeyCondition, KeyEvent, KeyHealth, KeyWarning
from shared.domain.model import KeyMode, Tenant
from shared.domain.trust import Untrusted
from shared.ports.catalog.customer_keys import Acceptance, KeySummary
from shared.ports.catalog.keys import KeyState

if TYPE_CHECKING:
    from shared.engine.key_management.policy import Policy


class KeyStatus(StrEnum):
    """The state of a tenant's KMS key."""

    OK = "ok"
    """KMS opens the tenant's data keys."""
    REVOKED = "revoked"
    """KMS refuses the key."""
    UNREACHABLE = "unreachable"
    """KMS does not answer, throttles or has an error."""
    MISCONFIGURED = "misconfigured"
    """The operator or the tenant's administrator must change a setting or credential."""
    DAMAGED = "damaged"
    """A data key that KMS wrapped for this tenant no longer opens."""
    UPDATING = "updating"
    """The key is well, and data keys are moved to it."""


class WarningDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A warning about a key."""

    warning: str
    """The kind of the warning."""
    message: str
    """What will happen, and who must act."""
    at: Moment | None
    """When it will happen."""


class KeyEventDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A change of a key's state that a probe has seen."""

    at: Moment
    """When the probe saw it."""
    state: KeyCondition
    """The state since then."""
    code: Code | None
    """The code of the error, null if the key is well."""
    message: str
    """What KMS answered, and who must act."""
    arn: str
    """The key's ARN."""
    warnings: list[WarningDocument]
    """The warnings since then."""


class UntrustedDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What the store has for a tenant under a KMS key that is not trusted."""

    arn: str
    """The ARN of the KMS key."""
    account: str
    """The AWS account in it."""
    region: str
    """The AWS Region in it."""
    data_keys: int
    """Number of data keys under it."""
    manifests: int
    """Number of manifests under it."""
    found_at: Moment | None
    """When a sweep or rebuild first found them."""


class AgreementDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The record that a person agreed to the terms of an own KMS key."""

    by: str
    """The person."""
    at: Moment
    """When the person agreed."""
    version: str
    """The version of the terms."""
    sha256: str
    """The SHA-256 of the text that was shown."""


class ChangeDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The latest change of a tenant's KMS key."""

    job: str
    """The id of its job."""
    kind: Annotated[str, msgspec.Meta(examples=[JobKind.KEY_ENABLE, JobKind.KEY_UPDATE])]
    """``key-enable`` for the tenant's first own key, ``key-update`` for another one."""
    state: JobState
    """The job's state."""
    code: Code | None
    """The code of the error that ended it."""
    message: str | None
    """What is wrong, and who must act."""
    arn: str
    """The ARN of the key to change to."""
    before: str | None
    """The ARN of the previous key; null until the tenant is switched."""
    moved: int
    """Number of data keys that were moved."""
    to_move: int
    """Number of data keys still to move."""
    snapshots: int
    """Number of snapshots that need a data key which could not be moved."""
    asked_by: str | None
    """Who asked for the change."""
    asked_at: Moment
    """When it was requested."""
    ended_at: Moment | None
    """When it ended."""


class KeyDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The KMS key of a tenant."""

    mode: KeyMode
    """Whose key it is: ``provider`` for the operator's, ``customer`` for the tenant's own."""
    state: KeyStatus
    """The state of the key."""
    arn: str
    """The key's ARN."""
    since: Moment
    """When the key got into its state. If it was always well: when the tenant got the key."""
    account: str
    """The key's AWS account."""
    data_keys: dict[str, int]
    """Number of data keys under each KMS key, by ARN."""
    old_key_free: bool | None
    """Whether the previous key is no longer needed; null if there is none."""
    code: Code | None
    """The code that the tenant's jobs get, null if the key is well."""
    message: str | None
    """What is wrong, and who must act."""
    checked_at: Moment | None
    """When a probe last checked the key."""
    warnings: list[WarningDocument]
    """What will stop the tenant's backups unless somebody acts."""
    history: list[KeyEventDocument]
    """Changes of the key's state, newest first."""
    untrusted: list[UntrustedDocument]
    """What the store has under KMS keys that are not trusted."""
    allowed_since: Moment | None = None
    """Since when the operator allows the tenant a key of its own; null if not."""
    agreed: AgreementDocument | None = None
    """Who agreed to the terms of an own key last; null for the operator's key."""
    change: ChangeDocument | None = None
    """The latest change of the key; null if there was none."""


class KeyCheckDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The result of using a tenant's KMS key once."""

    state: KeyStatus
    """The state of the key."""
    code: Code | None
    """The code of the error, null if the key may be used."""
    message: str | None
    """What is wrong, and who must act."""


class PolicyDocument(msgspec.Struct, frozen=True, kw_only=True):
    """What the owner of a KMS key must allow, in several forms."""

    account: str
    """The operator's AWS account."""
    principals: list[str]
    """The ARNs of the workers' roles or users."""
    statements: list[dict[str, Any]]
    """The statements for the key's policy."""
    terraform: str
    """A Terraform configuration."""
    cloudformation: str
    """A CloudFormation template."""
    cli: str
    """Commands for the AWS command line."""
    console: str
    """Steps in the AWS console."""


_CHECKED = {
    Code.KEY_ACCESS_REVOKED: KeyStatus.REVOKED,
    Code.KEY_UNREACHABLE: KeyStatus.UNREACHABLE,
    Code.KEY_MISCONFIGURED: KeyStatus.MISCONFIGURED,
}


def key_document(
    tenant: Tenant,
    keys: KeyState,
    health: KeyHealth,
    history: Sequence[KeyEvent],
    untrusted: Sequence[Untrusted] = (),
    summary: KeySummary | None = None,
) -> KeyDocument:
    """Return the document of a tenant's KMS key. Without ``summary`` it says nothing about permission, terms and change."""
    state, since = key_state(tenant, keys, health)
    own = tenant.key_mode is KeyMode.CUSTOMER
    code, message = _key_trouble(state, keys, health)
    return KeyDocument(
        mode=tenant.key_mode,
        state=state,
        arn=tenant.key_arn,
        since=moment(since),
        account=tenant.key_arn.split(":")[4],
        data_keys=dict(keys.data_keys),
        old_key_free=keys.old_key_free,
        code=code,
        message=message,
        checked_at=moment(health.checked_at),
        warnings=[_warning(warning) for warning in health.warnings],
        history=[key_event(event) for event in history],
        untrusted=[untrusted_document(each) for each in untrusted],
        allowed_since=moment(summary.allowed_at) if summary else None,
        agreed=_agreement(summary.acceptance) if own and summary and summary.acceptance else None,
        change=next(map(_change, summary.changes), None) if summary else None,
    )


def key_check_document(job: Job) -> KeyCheckDocument | None:
    """Return the result of a key check that has ended; None if it did not learn the key's state."""
    state = KeyStatus.OK if job.state is JobState.SUCCEEDED else _CHECKED.get(job.code) if job.code else None
    return None if state is None else KeyCheckDocument(state=state, code=job.code, message=job.message)


def policy_document(policy: "Policy") -> PolicyDocument:
    """Return the document of what a key's owner must allow."""
    return PolicyDocument(
        account=policy.account,
        principals=policy.principals,
        statements=policy.statements,
        terraform=policy.terraform,
        cloudformation=policy.cloudformation,
        cli=policy.cli,
        console=policy.console,
    )


def key_event(event: KeyEvent) -> KeyEventDocument:
    """Return the document of an entry of a key's history."""
    return KeyEventDocument(
        at=moment(event.at),
        state=event.condition,
        code=event.code,
        message=event.message,
        arn=event.arn,
        warnings=[_warning(warning) for warning in event.warnings],
    )


def untrusted_document(entry: Untrusted) -> UntrustedDocument:
    """Return the document of what the store has under an untrusted KMS key."""
    return UntrustedDocument(
        arn=entry.arn,
        account=account_of(entry.arn),
        region=region_of(entry.arn),
        data_keys=entry.data_keys,
        manifests=entry.manifests,
        found_at=moment(entry.found_at),
    )


def key_state(tenant: Tenant, keys: KeyState, health: KeyHealth) -> tuple[KeyStatus, datetime]:
    """Return the key's state, and since when it is in it.

    Only a remembered refusal makes it revoked, whatever the last probe saw. A job may have found the refusal, or its end,
    after that probe.
    """
    if keys.refusal is not None:
        return KeyStatus.REVOKED, keys.refusal.since
    if health.condition in (KeyCondition.MISCONFIGURED, KeyCondition.DAMAGED):
        return KeyStatus(health.condition), health.since
    if health.condition is KeyCondition.UNREACHABLE:
        return KeyStatus.UNREACHABLE, min(health.since, keys.unreachable or health.since)
    if keys.unreachable is not None:
        return KeyStatus.UNREACHABLE, keys.unreachable
    owned_since = keys.switched_at or tenant.created_at
    if keys.updating:
        return KeyStatus.UPDATING, owned_since
    return KeyStatus.OK, max(owned_since, health.since) if health.condition is KeyCondition.OK else owned_since


def _key_trouble(state: KeyStatus, keys: KeyState, health: KeyHealth) -> tuple[Code | None, str | None]:
    """Return the code and the sentence for a key in this state; two None if it is well."""
    if keys.refusal is not None:
        return Code.KEY_ACCESS_REVOKED, keys.refusal.message
    if state is KeyStatus.UNREACHABLE:
        return Code.KEY_UNREACHABLE, "AWS KMS does not answer for the key. Jobs wait for it for up to six hours."
    return (None, None) if state in (KeyStatus.OK, KeyStatus.UPDATING) else (health.code, health.message or None)


def _agreement(acceptance: Acceptance) -> AgreementDocument:
    """Return the document of an acceptance of the terms."""
    return AgreementDocument(
        by=acceptance.accepted_by,
        at=moment(acceptance.accepted_at),
        version=acceptance.version,
        sha256=acceptance.sha256,
    )


def _change(job: Job) -> ChangeDocument:
    """Return the document of a job that changes the key."""
    detail = job.detail if isinstance(job.detail, KeyChangeProgress) else KeyChangeProgress(arn="")
    return ChangeDocument(
        job=job.job_id,
        kind=job.kind,
        state=job.state,
        code=job.code,
        message=job.message,
        arn=detail.arn,
        before=detail.before,
        moved=detail.moved,
        to_move=detail.to_move,
        snapshots=len(detail.snapshots),
        asked_by=detail.asked_by,
        asked_at=moment(job.created_at),
        ended_at=moment(job.finished_at),
    )


def _warning(warning: KeyWarning) -> WarningDocument:
    """Return the document of a warning about a key."""
    return WarningDocument(warning=warning.warning, message=warning.message, at=moment(warning.at))
