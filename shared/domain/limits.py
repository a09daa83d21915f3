"""Every limit of the engine, with its unit."""

import msgspec


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The limits that wiring gives the engine. Tests use shorter times; the product has one set."""

    claim_seconds: float = 30.0
    """How long a claim lasts without a renewal."""
    renew_seconds: float = 10.0
    """How often a claim is renewed."""
    progress_seconds: float = 2.0
    """How long a step's progress waits at most until it is in SQL."""
    claims_lost: int = 5
    """Claims lost without progress after which a job fails with WORKER_LOST."""
    step_seconds: float = 300.0
    """The age at which a step checkpoints and releases itself, so that large tenants do not starve small ones."""
    buffer_bytes: int = 64 * 1024 * 1024
    """The size of the sort buffer, counting length + 250 bytes for each record."""
    chunk_bytes: int = 1024 * 1024
    """The size of a chunk's lines before compression."""
    resend_seconds: float = 5.0
    """First wait before a message is sent again; doubles each time."""
    resend_most_seconds: float = 120.0
    """Longest wait before a message is sent again."""
    step_wait_most_seconds: float = 3600.0
    """Longest wait of a released step, even if a server asks for more."""
    catalog_retry_seconds: float = 1.0
    """Wait before a step is released again that SQL did not release."""
    broker_seconds: float = 2.0
    """Wait before a message that the broker did not take is sent again."""
    worker_seen_seconds: float = 20.0
    """The time after which a worker that was not seen has no slots."""
    worker_restart_seconds: float = 60.0
    """Silence of a worker, or of another part of a stack on one machine, after which ``up`` starts it again."""
    heartbeat_seconds: float = 5.0
    """How often a worker stores in SQL that it is alive."""
    tick_seconds: float = 0.5
    """How often beat ticks. A job that is requested by hand starts within one tick."""
    ticking_seconds: float = 5.0
    """How long ``up`` takes beat for ready after a tick."""
    beat_silent_seconds: float = 10.0
    """The time without a tick of beat after which the stack counts as stopped."""
    broker_look_seconds: float = 5.0
    """How often beat checks that the broker takes messages."""
    broker_answer_seconds: float = 2.0
    """How long beat waits for each answer of the broker."""
    tenant_steps: int = 4
    """Steps of one tenant that workers may have at the same time."""
    key_trouble_seconds: float = 6 * 3600.0
    """How long transient trouble with KMS may last before a job fails with KEY_UNREACHABLE."""
    check_retry_seconds: float = 10.0
    """How long a key check retries while KMS is in trouble. It is short because a person waits."""
    connect_retry_seconds: float = 20.0
    """How long adding a tenant retries while KMS is in trouble. It is short because a person waits."""
    key_creation_look_seconds: float = 0.1
    """Wait between two looks for a data key that another step is creating."""
    key_ready_look_seconds: float = 0.1
    """Wait between two tries while a checked key is not ready."""
    key_progress_seconds: float = 1.0
    """How often the progress of a key change is stored."""
    proof_passes: int = 5
    """Passes over the key objects, after which a key change is retried if new ones still come."""
    key_steady_seconds: float = 10.0
    """How long a checked key must keep its permissions, and how long KMS may not know a new key."""
    graph_trouble_seconds: float = 6 * 3600.0
    """How long transient trouble with Graph or the store may last before a stream, or the job, fails."""
    stream_trouble_seconds: float = 600.0
    """How long transient trouble with one stream may last before it fails, while Graph answers others of the directory."""
    other_streams: int = 2
    """Other streams that get one small request each, to tell trouble with one stream from trouble with Graph."""
    refused_objects: int = 1000
    """Refused objects of a stream. With more, Graph counts as refusing the stream."""
    tracked_objects: int = 1 << 20
    """Objects of one reading that are tracked as hashes, some 90 MB. In a larger one, repeated objects are unknown."""
    pages_ahead: int = 16
    """Pages that are downloaded and not gathered yet: as many as arrive while a buffer is sorted and written."""
    proof_seconds: float = 30.0
    """Wait before Graph is asked again whether a directory lacks a resource, or the licence for it."""
    store_look_seconds: float = 60.0
    """How long a process trusts a network store after it has checked the mark."""
    store_missing_seconds: float = 1.0
    """How long a process trusts a network store in which it misses a blob."""
    store_pause_seconds: float = 2.0
    """How long a process waits before it checks a store again whose mark was wrong."""
    store_watch_seconds: float = 60.0
    """How often ``up`` checks a store that works."""
    store_watch_wrong_seconds: float = 10.0
    """How often ``up`` checks a store that does not work."""
    witnesses: int = 20
    """Tenants whose objects are looked up in a store without a known mark. One match is enough."""
    trouble_shown_seconds: float = 15.0
    """Age of a step's trouble after which a waiting user is informed. Shorter trouble is usual."""
    requests_in_flight: int = 8
    """Requests to Graph that all workers together may have open for one application in one directory."""
    gone_after_seconds: float = 60.0
    """The time after which a missing object is looked up again, since a replica may lag. Missing twice, it is deleted."""
    sweep_hours: float = 24.0
    """How often a tenant is swept."""
    settled_hours: float = 24.0
    """How long ago a job must have ended before the sweep removes its garbage."""
    cursor_days: float = 6.0
    """The age at which a cursor is no longer used (Graph promises seven days)."""
    probes: int = 16
    """Keys that one process probes at the same time."""
    probe_round_seconds: float = 1.0
    """How often a prober looks for due probes and notices."""
    prober_restart_seconds: float = 5.0
    """Wait before a prober that ended is restarted."""
    probe_seconds: float = 90.0
    """How long a probe or notice is reserved for the process that took it: longer than all its calls can take."""
    key_look_seconds: float = 3600.0
    """How often a key gets a closer look: its state, its material's expiry, and its other permissions."""
    late_seconds: float = 3600.0
    """How long after its time a scheduled backup may end before it is late."""
    notice_attempts: int = 4
    """Notices that one process sends at the same time."""
    notice_answer_seconds: float = 10.0
    """How long a notice waits for the receiver's answer."""
    notice_retry_seconds: float = 5.0
    """First wait before a notice that was not taken is sent again; doubles each time."""
    notice_retry_most_seconds: float = 3600.0
    """Longest wait before a notice is sent again."""


LIMITS = Limits()
"""The limits of a process that is not a test's."""
