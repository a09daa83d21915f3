"""The error tree, by what to do next, and every code that a user can meet.

::

    EntrakeepError
    ├── Retry       the same thing may work later: give the step back, uncounted
    │   ├── KeyTrouble      KMS did not answer, throttled or broke (never taken for a revocation)
    │   ├── GraphTrouble    Graph did not answer, throttled or broke
    │   ├── StoreTrouble    the blob store did not answer or broke
    │   └── StoreNotOurs    another store is in its place, as when a disk is not mounted
    ├── StartOver   a cursor is no good any more: read its stream afresh
    │   └── Looping         the cursors lead round in a circle: read afresh once, then the stream has failed
    ├── Skip        Graph will not show this resource: note the cause in the completeness report
    ├── Refuse      a person must act first: end the job as failed
    │   └── KeyRefused      KMS refuses the key that wraps this tenant's data
    ├── Alarm       what is stored is not what was stored: stop and say which blob
    ├── Unexpected  a defect of ours: end the job, as the next try would meet the same
    └── ClaimLost   another worker holds the step now: stop without a word

An error carries a code, a sentence of ours and ids. It never carries what Graph answered, a key or a credential.
"""

from enum import StrEnum


class Code(StrEnum):
    """Codes users can meet. Added to, never reused."""

    KEY_ACCESS_REVOKED = "KEY_ACCESS_REVOKED"
    KEY_UNREACHABLE = "KEY_UNREACHABLE"
    KEY_MISCONFIGURED = "KEY_MISCONFIGURED"
    KEY_NOT_ALLOWED = "KEY_NOT_ALLOWED"
    KEY_INVALID = "KEY_INVALID"
    KEY_UNTRUSTED = "KEY_UNTRUSTED"
    GRAPH_SIGN_IN_FAILED = "GRAPH_SIGN_IN_FAILED"
    GRAPH_FORBIDDEN = "GRAPH_FORBIDDEN"
    GRAPH_UNREACHABLE = "GRAPH_UNREACHABLE"
    GRAPH_UNEXPECTED = "GRAPH_UNEXPECTED"
    STORE_UNREACHABLE = "STORE_UNREACHABLE"
    STORE_FULL = "STORE_FULL"
    STORE_FORBIDDEN = "STORE_FORBIDDEN"
    STORE_NOT_OURS = "STORE_NOT_OURS"
    STORE_UNSUITABLE = "STORE_UNSUITABLE"
    BLOB_DAMAGED = "BLOB_DAMAGED"
    BLOB_MISSING = "BLOB_MISSING"
    BLOB_UNKNOWN = "BLOB_UNKNOWN"
    FORMAT_UNKNOWN = "FORMAT_UNKNOWN"
    NO_SUCH_TENANT = "NO_SUCH_TENANT"
    NO_SUCH_SNAPSHOT = "NO_SUCH_SNAPSHOT"
    NO_SUCH_JOB = "NO_SUCH_JOB"
    TENANT_EXISTS = "TENANT_EXISTS"
    DIRECTORY_EXISTS = "DIRECTORY_EXISTS"
    DIRECTORY_WITHHELD = "DIRECTORY_WITHHELD"
    STACK_NOT_RUNNING = "STACK_NOT_RUNNING"
    BROKER_UNREACHABLE = "BROKER_UNREACHABLE"
    NO_WORKER = "NO_WORKER"
    CATALOG_UNREACHABLE = "CATALOG_UNREACHABLE"
    CATALOG_NEEDS_MIGRATION = "CATALOG_NEEDS_MIGRATION"
    CATALOG_OUTDATED = "CATALOG_OUTDATED"
    WORKER_LOST = "WORKER_LOST"
    BUSY = "BUSY"
    CANCELLED = "CANCELLED"
    INTERRUPTED = "INTERRUPTED"
    PLAN_OUTDATED = "PLAN_OUTDATED"
    SETTINGS_INVALID = "SETTINGS_INVALID"
    FILE_NOT_WRITABLE = "FILE_NOT_WRITABLE"
    AUDIT_BROKEN = "AUDIT_BROKEN"
    WRONG_USE = "WRONG_USE"
    UNEXPECTED = "UNEXPECTED"


class Answer(StrEnum):
    """What Graph said to the reading of a resource: the closed list of the completeness report."""

    WHOLE = "whole"
    PARTIAL = "partial"
    FORBIDDEN = "forbidden"
    UNLICENSED = "unlicensed"
    NOT_FOR_APPLICATIONS = "not_for_applications"
    UNAVAILABLE = "unavailable"
    FAILED = "failed"
    SWITCHED_OFF = "switched_off"


COMPLETE = frozenset(
    {Answer.WHOLE, Answer.UNLICENSED, Answer.NOT_FOR_APPLICATIONS, Answer.UNAVAILABLE, Answer.SWITCHED_OFF}
)
"""Answers that leave a snapshot complete: nothing is missing that a person could make readable."""


class EntrakeepError(Exception):
    """An error with a code and one sentence that says what is wrong and what to do.

    ``code`` is what scripts look at, ``message`` what people read. Both are ours alone and safe to log and to store.
    """

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class Retry(EntrakeepError):
    """May work later. ``after`` is the least wait in seconds that the other side asked for, or None."""

    def __init__(self, code: Code, message: str, after: float | None = None) -> None:
        super().__init__(code, message)
        self.after = after


class KeyTrouble(Retry):
    """Transient trouble with KMS. Code ``KEY_UNREACHABLE``."""

    def __init__(self, message: str, after: float | None = None) -> None:
        super().__init__(Code.KEY_UNREACHABLE, message, after)


class GraphTrouble(Retry):
    """Transient trouble with Graph or its sign-in. Code ``GRAPH_UNREACHABLE``; ``request_id`` is Graph's, if any.

    ``alone``: Graph answers other streams of the directory meanwhile. False until somebody has asked.
    """

    def __init__(self, message: str, after: float | None = None, request_id: str | None = None) -> None:
        super().__init__(Code.GRAPH_UNREACHABLE, message, after)
        self.request_id = request_id
        self.alone = False


class StoreTrouble(Retry):
    """Transient trouble with the blob store. Code ``STORE_UNREACHABLE``."""

    def __init__(self, message: str, after: float | None = None) -> None:
        super().__init__(Code.STORE_UNREACHABLE, message, after)


class StoreNotOurs(Retry):
    """The store does not carry the mark that SQL knows. Nothing is read from it or written to it. Code
    ``STORE_NOT_OURS``."""

    def __init__(self, message: str) -> None:
        super().__init__(Code.STORE_NOT_OURS, message)


class StartOver(EntrakeepError):
    """The cursor was refused (expired, unknown, made for another selection). Code ``GRAPH_UNEXPECTED``."""

    def __init__(self, message: str, request_id: str | None = None) -> None:
        super().__init__(Code.GRAPH_UNEXPECTED, message)
        self.request_id = request_id


class Looping(StartOver):
    """Graph's links lead back to a page that this reading has had, or its pages repeat."""


class Skip(EntrakeepError):
    """Graph does not show this resource, for a reason of the closed list. ``request_id`` is Graph's, if any."""

    def __init__(self, answer: Answer, message: str, request_id: str | None = None) -> None:
        super().__init__(Code.GRAPH_FORBIDDEN if answer is Answer.FORBIDDEN else Code.GRAPH_UNEXPECTED, message)
        self.answer = answer
        self.request_id = request_id


class Refuse(EntrakeepError):
    """A person must act first; trying again by itself changes nothing."""


class KeyRefused(Refuse):
    """KMS refuses the key named by ``arn``: the lease on it has ended and with it every job under it.

    ``unknown``: KMS knows no such key, which of one that never worked says that it was never there.
    ``ours``: the operator must act, and not the key's owner. ``begun``: when KMS was asked, on the monotonic clock, if known.
    """

    def __init__(self, arn: str, message: str, *, unknown: bool = False, ours: bool = False) -> None:
        super().__init__(Code.KEY_ACCESS_REVOKED, message)
        self.arn = arn
        self.unknown = unknown
        self.ours = ours
        self.begun: float | None = None


class Alarm(EntrakeepError):
    """Stored bytes are not what was stored. ``blob`` names the blob, ``resource`` what it holds, if known.

    Code ``BLOB_DAMAGED``, ``BLOB_MISSING`` or ``FORMAT_UNKNOWN``.
    """

    def __init__(self, code: Code, message: str, blob: str, resource: str | None = None) -> None:
        super().__init__(code, message)
        self.blob = blob
        self.resource = resource


class Unexpected(EntrakeepError):
    """An exception that nobody foresaw. Its text may hold anything, so its class alone is shown."""

    def __init__(self, error: Exception) -> None:
        super().__init__(
            Code.UNEXPECTED,
            f"A defect of Entrakeep ended this ({type(error).__name__}); the log tells where. Please report it.",
        )


class ClaimLost(EntrakeepError):
    """The claim has expired or was taken over. Whoever meets it stops and writes nothing more."""

    def __init__(self) -> None:
        super().__init__(Code.INTERRUPTED, "Another process holds this step now.")


class Cancelled(EntrakeepError):
    """Somebody cancelled the job."""

    def __init__(self) -> None:
        super().__init__(Code.CANCELLED, "The job was cancelled.")
