"""Every limit of the engine, with its unit, in one place."""

import msgspec


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Limits that wiring hands to the engine. Tests wire shorter times; the product has one set."""

    claim_seconds: float = 30.0
    """How long a claim lasts without being renewed."""
    renew_seconds: float = 10.0
    """How often a claim is renewed."""
    claims_lost: int = 5
    """Claims lost without progress after which a job fails with WORKER_LOST."""
    step_seconds: float = 300.0
    """A step older than this checkpoints and gives itself back, so that big tenants do not starve small ones."""
    buffer_bytes: int = 64 * 1024 * 1024
    """Sort buffer, counting length + 250 bytes a record."""
    chunk_bytes: int = 1024 * 1024
    """Lines gathered into one chunk, before compression."""
    resend_seconds: float = 5.0
    """First wait before a message is sent again; doubles each time."""
    resend_most_seconds: float = 120.0
    """Longest wait before a message is sent again."""
    broker_seconds: float = 2.0
    """Wait before a message that the broker did not take is tried again."""
    worker_seen_seconds: float = 20.0
    """A worker not seen for this long has no slots."""
    worker_restart_seconds: float = 60.0
    """Silence of a worker, or of another part of a stack on one machine, after which ``up`` starts it again."""
    beat_silent_seconds: float = 10.0
    """Time without a tick of beat after which the stack does not run."""
    broker_look_seconds: float = 5.0
    """How often beat asks the broker whether it takes messages."""
    tenant_steps: int = 4
    """Steps of one tenant that may be with workers at the same time."""
    key_trouble_seconds: float = 6 * 3600.0
    """Transient trouble with KMS after which a job fails with KEY_UNREACHABLE."""
    key_steady_seconds: float = 10.0
    """How long a key that is checked must go on to allow what it allowed, and how long a new one may be unknown to KMS."""
    graph_trouble_seconds: float = 6 * 3600.0
    """Transient trouble with Graph or the store after which a stream, or the job, fails."""
    stream_trouble_seconds: float = 600.0
    """Transient trouble with one stream after which it fails, while Graph answers others of the directory."""
    proof_seconds: float = 30.0
    """Wait before Graph is asked again whether a directory lacks a resource, or the licence for it."""
    store_look_seconds: float = 60.0
    """How long a process trusts a store in the network whose mark it has seen."""
    store_pause_seconds: float = 2.0
    """How long a process does not look again at a store whose mark was wrong."""
    requests_in_flight: int = 8
    """Requests to Graph that all workers together may have open for one application in one directory."""
    gone_after_seconds: float = 60.0
    """Time after which an object that was named and not found is gone if it is not found again: a replica may lag."""
    sweep_hours: float = 24.0
    """How often a tenant is swept."""
    settled_hours: float = 24.0
    """How long ago a job must have ended for the sweep to take its garbage away."""
    cursor_days: float = 6.0
    """Age at which a cursor is no longer used (Graph promises seven days)."""
    probes: int = 16
    """Keys that one process probes at the same time."""
    probe_seconds: float = 90.0
    """How long a probe, or the telling of an event, is left to whoever took it: longer than all its calls can take."""
    key_look_seconds: float = 3600.0
    """How often a key is looked at more closely: its state, its material's expiry, and what else it may be used for."""
    late_seconds: float = 3600.0
    """How long after its time a scheduled backup may end before it is late."""
    tells: int = 4
    """Events that one process tells at the same time."""
    tell_seconds: float = 5.0
    """First wait before an event that was not taken is told again; doubles each time."""
    tell_most_seconds: float = 3600.0
    """Longest wait before an event is told again."""
