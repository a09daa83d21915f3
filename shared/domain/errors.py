"""The error tree, by what to do next, and every code that a user can get.

::

    EntrakeepError
    ├── Retry       may work later: release the step, without counting a lost claim
    │   ├── KeyTrouble      KMS did not answer, throttled or had an error (never taken for a revocation)
    │   ├── GraphTrouble    Graph did not answer, throttled or had an error
    │   ├── StoreTrouble    the blob store did not answer or had an error
    │   └── StoreNotOurs    another store is in its place, as when a disk is not mounted
    ├── StartOver   Graph refused a cursor: read its stream from the beginning
    │   └── Looping         the cursors lead in a circle: start over once, then the stream has failed
    ├── Skip        Graph does not show this resource: put the reason into the completeness report
    ├── Refuse      a person must act first: end the job as failed
    │   └── KeyRefused      KMS refuses the key that wraps this tenant's data
    ├── Alarm       stored bytes differ from those that were stored: stop and name the blob
    ├── Unexpected  a defect of ours: end the job, because a retry would fail in the same way
    ├── ClaimLost   another worker has claimed the step: stop without writing
    └── Cancelled   somebody cancelled the job

An error carries a code, a sentence of ours and ids. It never carries Graph's answer, a key or a credential.
"""

from enum import StrEnum


class Code(StrEnum):
    """The codes that users get. Codes are added, never reused."""

    KEY_ACCESS_REVOKED = "KEY_ACCESS_REVOKED"
    """KMS refuses the key: it is disabled, deleted, or a policy denies access."""
    KEY_UNREACHABLE = "KEY_UNREACHABLE"
    """KMS did not answer, throttled requests or had an error, for six hours."""
    KEY_MISCONFIGURED = "KEY_MISCONFIGURED"
    """AWS rejects our credentials, the Region is missing, or the endpoint is not AWS KMS."""
    KEY_NOT_ALLOWED = "KEY_NOT_ALLOWED"
    """The tenant may not have a customer key, or its terms were not accepted."""
    KEY_INVALID = "KEY_INVALID"
    """The text is not the ARN of an AWS KMS key, or the key fails a check."""
    KEY_UNTRUSTED = "KEY_UNTRUSTED"
    """The store contains data keys or records under a KMS key that is not trusted."""
    GRAPH_SIGN_IN_FAILED = "GRAPH_SIGN_IN_FAILED"
    """Microsoft rejects the directory id, the client id or the credential."""
    GRAPH_FORBIDDEN = "GRAPH_FORBIDDEN"
    """The application lacks a permission."""
    GRAPH_UNREACHABLE = "GRAPH_UNREACHABLE"
    """Graph or its sign-in did not answer, throttled requests or had an error."""
    GRAPH_UNEXPECTED = "GRAPH_UNEXPECTED"
    """Graph gave an unexpected answer."""
    STORE_UNREACHABLE = "STORE_UNREACHABLE"
    """The blob store did not answer or had an error."""
    STORE_FULL = "STORE_FULL"
    """The folder's disk or the bucket is full."""
    STORE_FORBIDDEN = "STORE_FORBIDDEN"
    """The bucket does not exist or denies access."""
    STORE_NOT_OURS = "STORE_NOT_OURS"
    """Another store is in the place of ours, as when a disk is not mounted."""
    STORE_UNSUITABLE = "STORE_UNSUITABLE"
    """The store lacks a feature of S3 that Entrakeep needs."""
    BLOB_DAMAGED = "BLOB_DAMAGED"
    """The bytes of a blob differ from those that were stored."""
    BLOB_MISSING = "BLOB_MISSING"
    """A blob that the catalog or a manifest names does not exist in the store."""
    BLOB_UNKNOWN = "BLOB_UNKNOWN"
    """The store contains a blob that the catalog does not know."""
    FORMAT_UNKNOWN = "FORMAT_UNKNOWN"
    """Data or a job comes from a newer version."""
    NO_SUCH_TENANT = "NO_SUCH_TENANT"
    """No tenant has this name or id."""
    NO_SUCH_SNAPSHOT = "NO_SUCH_SNAPSHOT"
    """The tenant has no such snapshot."""
    NO_SUCH_OBJECT = "NO_SUCH_OBJECT"
    """No compared snapshot has an object with this id."""
    NO_SUCH_JOB = "NO_SUCH_JOB"
    """No job has this id."""
    TENANT_EXISTS = "TENANT_EXISTS"
    """Another tenant has this name."""
    DIRECTORY_EXISTS = "DIRECTORY_EXISTS"
    """Another tenant is connected to this directory."""
    DIRECTORY_WITHHELD = "DIRECTORY_WITHHELD"
    """The directory's tenant was removed under a customer key, and the operator has not consented to add it again."""
    STACK_NOT_RUNNING = "STACK_NOT_RUNNING"
    """Beat has not ticked lately: no job is being run."""
    BROKER_UNREACHABLE = "BROKER_UNREACHABLE"
    """Redis does not answer or does not take messages."""
    NO_WORKER = "NO_WORKER"
    """No worker was seen lately."""
    CATALOG_UNREACHABLE = "CATALOG_UNREACHABLE"
    """The database cannot be used."""
    CATALOG_NEEDS_MIGRATION = "CATALOG_NEEDS_MIGRATION"
    """The database's schema does not fit this version."""
    CATALOG_OUTDATED = "CATALOG_OUTDATED"
    """The database was restored from an older copy: the bucket contains jobs that it does not know."""
    WORKER_LOST = "WORKER_LOST"
    """Workers lost their claims on the step five times without progress."""
    BUSY = "BUSY"
    """Another process or job is in the way; try again later."""
    CANCELLED = "CANCELLED"
    """Somebody cancelled the job."""
    INTERRUPTED = "INTERRUPTED"
    """The process of a foreground job ended, or a process lost its claim on a step."""
    PLAN_OUTDATED = "PLAN_OUTDATED"
    """The directory has changed, since the plan was made, in what the plan touches."""
    PLAN_EXPIRED = "PLAN_EXPIRED"
    """The plan is older than a plan may be."""
    NO_SUCH_PLAN = "NO_SUCH_PLAN"
    """The tenant has no such plan."""
    NO_RESTORE_IDENTITY = "NO_RESTORE_IDENTITY"
    """The tenant has no application that may write to its directory."""
    NOT_SIGNED_IN = "NOT_SIGNED_IN"
    """Nobody is signed in, the sign-in has ended, or the proof of who one is does not fit."""
    NOT_ALLOWED = "NOT_ALLOWED"
    """No role of the person, or no action of the token, allows it."""
    CONFIRM_FIRST = "CONFIRM_FIRST"
    """The person must prove again who they are."""
    TOO_MANY_TRIES = "TOO_MANY_TRIES"
    """Too many sign-ins failed; wait before the next try."""
    NO_SUCH_PERSON = "NO_SUCH_PERSON"
    """No person has this handle."""
    PERSON_EXISTS = "PERSON_EXISTS"
    """Another person has this handle, or signs in with this passkey or identity."""
    INVITATION_INVALID = "INVITATION_INVALID"
    """The invitation or code was used, has expired, or does not exist."""
    LAST_WAY_IN = "LAST_WAY_IN"
    """It would leave the person without a way to sign in, or the installation without an operator."""
    NO_SUCH_TOKEN = "NO_SUCH_TOKEN"  # noqa: S105 - a code, not a secret
    """There is no token with this name or id."""
    NO_SUCH_TARGET = "NO_SUCH_TARGET"
    """There is no notice target with this name or id."""
    NOTICE_NOT_TAKEN = "NOTICE_NOT_TAKEN"
    """A notice target did not take a test."""
    SETTINGS_INVALID = "SETTINGS_INVALID"
    """A setting is missing or wrong."""
    FILE_NOT_WRITABLE = "FILE_NOT_WRITABLE"
    """This user may not write the file or folder."""
    AUDIT_BROKEN = "AUDIT_BROKEN"
    """The audit trail or its head was changed, or does not fit the heads in the store."""
    WRONG_USE = "WRONG_USE"
    """The command's arguments are wrong."""
    UNEXPECTED = "UNEXPECTED"
    """A defect of Entrakeep."""


class Answer(StrEnum):
    """Graph's answer to the reading of a resource: the closed list of the completeness report."""

    WHOLE = "whole"
    """Graph showed everything."""
    PARTIAL = "partial"
    """Graph refused some objects, or their children, and showed the others."""
    FORBIDDEN = "forbidden"
    """The application lacks the permission (status 403)."""
    UNLICENSED = "unlicensed"
    """The directory has no licence for the resource."""
    NOT_FOR_APPLICATIONS = "not_for_applications"
    """Graph shows the resource to signed-in people only."""
    UNAVAILABLE = "unavailable"
    """This kind of directory, or this cloud, does not have the resource."""
    FAILED = "failed"
    """Graph was in trouble with this stream, led in a circle, or gave an unexpected answer."""
    SWITCHED_OFF = "switched_off"
    """The tenant's owner has switched the resource off, or not on."""


COMPLETE = frozenset(
    {Answer.WHOLE, Answer.UNLICENSED, Answer.NOT_FOR_APPLICATIONS, Answer.UNAVAILABLE, Answer.SWITCHED_OFF}
)
"""Answers that leave a snapshot complete: it lacks nothing that a person could make readable."""


class EntrakeepError(Exception):
    """An error with a code and one sentence that says what is wrong and what to do.

    Scripts use ``code``, people read ``message``. Both contain only our own words, so they are safe to log and to
    store.
    """

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class Retry(EntrakeepError):
    """The operation may work later. ``after`` is the shortest wait in seconds that the other side asked for, or None."""

    def __init__(self, code: Code, message: str, after: float | None = None) -> None:
        super().__init__(code, message)
        self.after = after


class KeyTrouble(Retry):
    """KMS is in transient trouble. Code ``KEY_UNREACHABLE``."""

    def __init__(self, message: str, after: float | None = None) -> None:
        super().__init__(Code.KEY_UNREACHABLE, message, after)


class GraphTrouble(Retry):
    """Graph or its sign-in is in transient trouble. Code ``GRAPH_UNREACHABLE``.

    ``request_id`` is Graph's, if there is one. ``alone`` is True if Graph answers other streams of the directory
    meanwhile. It is False until that was checked.
    """

    def __init__(self, message: str, after: float | None = None, request_id: str | None = None) -> None:
        super().__init__(Code.GRAPH_UNREACHABLE, message, after)
        self.request_id = request_id
        self.alone = False


class StoreTrouble(Retry):
    """The blob store is in transient trouble. Code ``STORE_UNREACHABLE``."""

    def __init__(self, message: str, after: float | None = None) -> None:
        super().__init__(Code.STORE_UNREACHABLE, message, after)


class StoreNotOurs(Retry):
    """The store lacks the mark that SQL knows, so nothing is read from it or written to it. Code ``STORE_NOT_OURS``."""

    def __init__(self, message: str) -> None:
        super().__init__(Code.STORE_NOT_OURS, message)


class StartOver(EntrakeepError):
    """Graph refused the cursor (expired, unknown, made for another selection). Code ``GRAPH_UNEXPECTED``."""

    def __init__(self, message: str, request_id: str | None = None) -> None:
        super().__init__(Code.GRAPH_UNEXPECTED, message)
        self.request_id = request_id


class Looping(StartOver):
    """Graph's links lead back to an earlier page of this reading, or its pages repeat."""


class Skip(EntrakeepError):
    """Graph does not show this resource, for a reason of the closed list. ``request_id`` is Graph's, if there is one."""

    def __init__(self, answer: Answer, message: str, request_id: str | None = None) -> None:
        super().__init__(Code.GRAPH_FORBIDDEN if answer is Answer.FORBIDDEN else Code.GRAPH_UNEXPECTED, message)
        self.answer = answer
        self.request_id = request_id


class Refuse(EntrakeepError):
    """A person must act first; a retry alone does not help."""


class KeyRefused(Refuse):
    """KMS refuses the key ``arn``. The lease on it has ended, and so has every job under it.

    ``unknown`` is True if KMS reports no such key. If the key never worked, the ARN is wrong; otherwise the key was
    deleted. ``ours`` is True if the operator must act, and not the key's owner. ``started_at`` is when KMS was called, on
    the monotonic clock, if known.
    """

    def __init__(self, arn: str, message: str, *, unknown: bool = False, ours: bool = False) -> None:
        super().__init__(Code.KEY_ACCESS_REVOKED, message)
        self.arn = arn
        self.unknown = unknown
        self.ours = ours
        self.started_at: float | None = None


class Alarm(EntrakeepError):
    """Stored bytes differ from those that were stored. ``blob`` names the blob, ``resource`` its resource, if known.

    Code ``BLOB_DAMAGED``, ``BLOB_MISSING`` or ``FORMAT_UNKNOWN``, among others.
    """

    def __init__(self, code: Code, message: str, blob: str, resource: str | None = None) -> None:
        super().__init__(code, message)
        self.blob = blob
        self.resource = resource


class Unexpected(EntrakeepError):
    """An exception that no code handles. Its text may contain anything, so only its class is shown."""

    def __init__(self, error: Exception) -> None:
        super().__init__(
            Code.UNEXPECTED,
            f"A defect of Entrakeep ended this ({type(error).__name__}); the log tells where. Please report it.",
        )


class ClaimLost(EntrakeepError):
    """The claim has expired or was taken over. The process that gets it stops and writes nothing more."""

    def __init__(self) -> None:
        super().__init__(Code.INTERRUPTED, "Another process holds this step now.")


class Cancelled(EntrakeepError):
    """Somebody cancelled the job."""

    def __init__(self) -> None:
        super().__init__(Code.CANCELLED, "The job was cancelled.")
