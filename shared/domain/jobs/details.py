"""The details of jobs: what a job was requested with, and its results in the clear.

SQL stores them as JSON without a tag: the kind of the job decides. The names of fields stay as they are, because workers
of other versions read and write the same rows. A field that only a newer version knows is ignored.
"""

from datetime import datetime
from typing import Any, Literal

import msgspec

from shared.domain.audit import Action, Plain
from shared.domain.errors import Code
from shared.domain.kms_key import KeyDescription
from shared.domain.restore.scope import Rules, Scope
from shared.domain.trust import Untrusted

_COUNTED = (
    "records",
    "snapshots",
    "blobs",
    "damaged",
    "removed",
    "moved",
    "operations",
    "impossible",
    "done",
    "failed",
)


class Details(msgspec.Struct, kw_only=True):
    """The details of any job."""

    def requested(self) -> dict[str, Plain]:
        """Return what the audit event of the job's request says about the details."""
        return {}

    def requested_as(self) -> Action | None:
        """Return the action of the request's audit event, or None for the action of the job's kind."""
        return None

    def for_retry(self) -> "Details | None":
        """Return the details with which the job is requested again."""
        return None

    def uses_key(self) -> bool:
        """Return True if a job with these details needs the key. Used only for kinds of jobs that need one."""
        return True

    def counts(self) -> dict[str, int]:
        """Return the numbers that the audit event and the log line of the job's end report."""
        values = {name: getattr(self, name) for name in _COUNTED if name in self.__struct_fields__}
        return {name: len(value) if isinstance(value, list) else int(value) for name, value in values.items()}


class RecordsShown(Details):
    """The result of a download, browse or comparison."""

    records: int
    """Number of records that were returned."""


class VerifyRequest(Details):
    """The request for a verify."""

    shallow: bool = False
    """True to compare hashes only."""

    def requested(self) -> dict[str, Plain]:
        """Return whether the verify is shallow."""
        return {"shallow": self.shallow}

    def uses_key(self) -> bool:
        """Return False for a shallow verify, which opens nothing."""
        return not self.shallow


class DamagedBlob(msgspec.Struct, frozen=True):
    """A blob that is missing, damaged or unknown."""

    blob: str
    """The blob's name."""
    resource: str | None
    """The resource whose records it holds, if known."""
    reason: str
    """The code of what is wrong with it."""


class VerifyResult(Details):
    """The result of a verify."""

    snapshots: int
    """Number of snapshots that were verified."""
    blobs: int
    """Number of blobs that were verified."""
    damaged: list[DamagedBlob]
    """Blobs that are missing, damaged or unknown."""
    strays: list[str] = []
    """Names in the store that are not Entrakeep's and were skipped."""
    shallow: bool | None = None
    """True if hashes alone were compared, False if every blob was opened; None if an older version verified."""


class GraphVerifyRequest(Details):
    """The request to compare the newest snapshot with what Graph shows when it is read in full."""

    against_graph: Literal[True]
    """The mark by which SQL's text is known as this request."""

    def requested(self) -> dict[str, Plain]:
        """Return that the verify reads Graph."""
        return {"against_graph": True}


class UntoldChanges(msgspec.Struct, frozen=True, kw_only=True):
    """The records of one resource that differ although Graph's delta named no change of their objects."""

    resource: str
    records: int
    """Number of records that Graph shows."""
    missing: int = 0
    """Records that Graph shows and the snapshot lacks."""
    extra: int = 0
    """Records of the snapshot that Graph does not show."""
    changed: int = 0
    """Records with other values."""

    @property
    def differing(self) -> int:
        """Return the number of differing records."""
        return self.missing + self.extra + self.changed


class GraphVerifyResult(Details):
    """The result of comparing the newest snapshot with a full reading of the delta streams."""

    untold: list[UntoldChanges]
    """One entry for each compared resource, also where nothing differs."""
    not_compared: dict[str, str]
    """Why a stream was not compared, by stream."""

    @property
    def differing(self) -> int:
        """Return the number of differing records."""
        return sum(each.differing for each in self.untold)

    def counts(self) -> dict[str, int]:
        """Return the number of compared and of differing records."""
        return {"records": sum(each.records for each in self.untold), "differing": self.differing}


class KeyAnswer(Details):
    """The result of a check of the tenant's current key."""

    state: str
    """``ok``: KMS opened the tenant's data key."""


class CheckedPermission(msgspec.Struct, frozen=True, kw_only=True):
    """What an application of the tenant may do with a resource."""

    resource: str
    answer: str
    """Graph's answer to a read, or a word about writing."""
    permission: str
    """The permission that it needs."""
    detail: str = ""
    """What is missing, and who must add it, as sentences."""


class TenantChecks(Details):
    """The result of a check of the tenant's applications."""

    reading: list[CheckedPermission]
    """What the application that reads may do with each resource."""
    writing: list[CheckedPermission] | None = None
    """What the application that restores may do; None if the tenant has none, or it was not checked."""


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """A check that was made of a new key."""

    check: str
    """The check's name."""
    outcome: str
    """``passed``, ``warned`` or ``failed``."""
    message: str | None = None
    """What to know or to change."""


class KeyChecks(Details):
    """The request to check a new key, and the results so far."""

    arn: str
    """The ARN to check, as it was given."""
    checks: list[Check] = []
    """The checks made so far."""
    key: KeyDescription | None = None
    """The answer of DescribeKey, None before check ``seen``."""
    request_ids: list[str] = []
    """AWS request ids of the calls to KMS, for the owner's CloudTrail."""
    update_by: str | None = None
    """Who asked to change to the key as soon as all checks have passed; None: only check it."""


class UnmovedKey(msgspec.Struct, frozen=True, kw_only=True):
    """A data key, or a key object, that could not be moved."""

    blob: str
    """The key object's name."""
    reason: Code
    """Why it could not be moved."""


class KeyChangeProgress(Details):
    """The request to change to another key, and the progress of the change."""

    arn: str
    """The ARN of the key to change to."""
    check: str | None = None
    """The check that permitted the change. One change is requested for a check, however often it is asked for."""
    asked_by: str | None = None
    """Who asked for the change."""
    before: str | None = None
    """The ARN of the previous key."""
    moved: int = 0
    """Number of data keys moved."""
    to_move: int = 0
    """Number of data keys still to move."""
    snapshots: list[str] = []
    """Snapshots that need a data key which could not be moved."""
    left: list[UnmovedKey] = []
    """Data keys and key objects that could not be moved."""
    forgotten: int = 0
    """Number of older generations whose rows this job has deleted, or is about to."""
    database: str | None = None
    """What the database's own files may still hold of their wrappings, as a sentence."""
    proved: dict[str, str] = {}
    """Hash of the names of each proved part of the key objects, by the first digits of the data keys' ids."""

    def requested(self) -> dict[str, Plain]:
        """Return the ARN of the key to change to."""
        return {"arn": self.arn}

    def for_retry(self) -> "KeyChangeProgress":
        """Return the request alone, without the progress."""
        return KeyChangeProgress(arn=self.arn)


class SweepResult(Details):
    """The result of a sweep."""

    removed: int
    """Number of blobs that were removed."""
    strays: list[str] = []
    """Names in the store that are not Entrakeep's and were skipped."""
    untrusted: list[Untrusted] = []
    """Data under KMS keys that are not trusted."""


class PlanProgress(Details):
    """The request for a plan, and its result. The job's snapshot is the one to restore."""

    scope: Scope = Scope()
    rules: Rules = Rules()
    reason: str | None = None
    """What the person gave as reason."""
    undo: str | None = None
    """The restore to undo."""
    backup: str | None = None
    """The backup job that reads the directory as it is now."""
    plan: str | None = None
    """The id of the plan."""
    operations: int = 0
    """Number of operations of the plan."""
    impossible: int = 0
    """Number of differences that the plan does not restore."""

    def requested(self) -> dict[str, Plain]:
        """Return the reason, the scope and the rules of the restore."""
        covered = {name: value for name, value in msgspec.structs.asdict(self.scope).items() if value}
        words = {name: ",".join(value) if isinstance(value, tuple) else value for name, value in covered.items()}
        rules: dict[str, Plain] = {"conflict": self.rules.conflict.value, "links": self.rules.links.value}
        named = {"reason": self.reason, "undo": self.undo, "plan": self.plan}
        return {**words, **rules, **{name: value for name, value in named.items() if value is not None}}

    def for_retry(self) -> "PlanProgress":
        """Return the request alone."""
        return PlanProgress(scope=self.scope, rules=self.rules, reason=self.reason, undo=self.undo)


class RestoreProgress(PlanProgress):
    """The request for a restore, its progress and its result. ``plan`` is the plan that it carries out."""

    password_recipient: str | None = None
    """The age recipient to whom the passwords of created users are encrypted."""
    given: bool = False
    """True if the request named the plan."""
    carried_by: str | None = None
    """The restore that carries the plan out, or did before this one continues it; None before the first write."""
    before: str | None = None
    """The snapshot of the directory before the restore: the undo point."""
    written_at: datetime | None = None
    """When the last operation of the plan had its result."""
    proved_since: datetime | None = None
    """When the backup must have begun at the earliest with which the result is compared."""
    mended_at: datetime | None = None
    """When marks that had come back were last replaced."""
    looks: int = 0
    """Comparisons so far that showed differences."""
    not_shown: int = 0
    """Number of operations whose result the directory did not show at the last comparison."""
    suspects: list[int] = []
    """Numbers of these operations, if the next comparison reads their records by id."""
    look_at: datetime | None = None
    """When the next comparison is due."""
    after: str | None = None
    """The snapshot of the directory after the restore."""
    done: int = 0
    """Number of operations that are done."""
    failed: int = 0
    """Number of operations that failed, or that Graph accepted and did not apply."""
    partly: int = 0
    """Number of operations that were done without properties that Graph refused."""

    def requested_as(self) -> Action | None:
        """Return the action of an undo, if this is one."""
        return None if self.undo is None else Action.UNDO_ASKED

    def for_retry(self) -> "RestoreProgress":
        """Return the request. The new job continues with the plan if that was being carried out."""
        times = dict.fromkeys(("written_at", "proved_since", "mended_at", "look_at"))
        counts = dict.fromkeys(("looks", "not_shown", "done", "failed", "partly"), 0)
        request = msgspec.structs.replace(self, **times, **counts, backup=None, suspects=[], after=None)
        keeps_plan = self.given or self.carried_by is not None
        return request if keeps_plan else msgspec.structs.replace(request, plan=None, before=None)


def read_details(types: tuple[type[Details], ...], stored: Any) -> Details | None:
    """Return the details that SQL stores, as the first of these types that fits, or None.

    SQL stores nothing for a request without options.
    """
    for each in types:
        try:
            return msgspec.convert({} if stored is None else stored, each)
        except msgspec.ValidationError:
            continue
    return None


def stored_details(details: Details | None) -> Any:
    """Return the details as SQL stores them."""
    return msgspec.to_builtins(details)
