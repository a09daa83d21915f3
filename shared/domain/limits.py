"""Every limit of the product, with its unit. A name says the unit; a number without one counts things."""

import msgspec

from shared.domain.backoff import Backoff


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The limits of the engine and of its processes. Tests use shorter times; the product has one set."""

    # Claims and steps
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
    tenant_steps: int = 4
    """Steps of one tenant that workers may have at the same time."""
    bundles: int = 12
    """Most bundles of streams that a phase of a backup has."""
    mixed_bundles: int = 5
    """Most bundles among them of streams that are not read alone."""
    bundle_streams: int = 10
    """Streams that one such bundle has before another one begins."""
    shown_streams: int = 10
    """Streams of a bundle that a message names, with one more if that is the last."""
    step_wait_most_seconds: float = 3600.0
    """Longest wait of a released step, even if a server asks for more."""
    catalog_retry_seconds: float = 1.0
    """Wait before a step is released again that SQL did not release."""

    # Reading and writing
    buffer_bytes: int = 64 * 1024 * 1024
    """The size of the sort buffer, counting length + 250 bytes for each record."""
    chunk_bytes: int = 1024 * 1024
    """The size of a chunk's lines before compression."""
    pages_ahead: int = 16
    """Pages that are downloaded and not gathered yet: as many as arrive while a buffer is sorted and written."""
    tracked_objects: int = 1 << 20
    """Objects of one reading that are tracked as hashes, some 90 MB. In a larger one, repeated objects are unknown."""
    upload_threads: int = 4
    """Chunks of one run that are stored at the same time."""
    chunks_waiting: int = 8
    """Chunks of one run that are sealed and not stored yet. More would only take memory."""
    upload_look_seconds: float = 0.25
    """How often a step checks its claim and its lease while a chunk is being stored."""
    open_runs: int = 32
    """Runs that one merge reads at the same time. One chunk of each is in memory."""
    compared_lines: int = 200_000
    """Lines in runs of one snapshot alone whose keys a comparison keeps in memory. With more, both are read whole."""
    manifest_threads: int = 8
    """Manifests that a history reads at the same time, because each needs a call to KMS."""
    differences_waiting: int = 20_000
    """Differences that wait until the names that they need are read. With more, the names of all objects are read."""
    differences_waiting_bytes: int = 32 * 1024 * 1024
    """The size of these differences, with which the names of all objects are read too."""

    # Restores
    plan_hours: float = 24.0
    """How long a plan may be carried out."""
    plan_part_bytes: int = 1024 * 1024
    """The size of a sealed part of a plan, before compression."""
    outdated_records: int = 20
    """Records that the refusal of an outdated plan names."""
    known_restores: int = 20
    """The latest restores whose results say what Graph does not apply."""
    shown_operations: int = 1000
    """Rows of a table of operations or results. All of them are in the JSON."""
    backup_look_seconds: float = 2.0
    """How often a plan or restore looks whether the backup has ended that it waits for."""

    # Messages, workers and beat
    resend_seconds: float = 5.0
    """First wait before a message is sent again; doubles each time."""
    resend_most_seconds: float = 120.0
    """Longest wait before a message is sent again."""
    broker_seconds: float = 2.0
    """Wait before a message that the broker did not take is sent again."""
    broker_look_seconds: float = 5.0
    """How often beat checks that the broker takes messages."""
    broker_answer_seconds: float = 2.0
    """How long beat waits for each answer of the broker."""
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

    # KMS keys
    key_trouble_seconds: float = 6 * 3600.0
    """How long transient trouble with KMS may last before a job fails with KEY_UNREACHABLE."""
    kms_backoff: Backoff = Backoff(first=0.2, longest=5.0, jitter=1.0)
    """Waits between tries while KMS is in trouble."""
    lease_last_wait_seconds: float = 0.05
    """Longest wait at the end of a lease. Before, a wait is at most half of the lease's remaining time."""
    check_retry_seconds: float = 10.0
    """How long a key check retries while KMS is in trouble. It is short because a person waits."""
    connect_retry_seconds: float = 20.0
    """How long adding a tenant retries while KMS is in trouble. It is short because a person waits."""
    key_creation_look_seconds: float = 0.1
    """Wait between two looks for a data key that another step is creating."""
    key_ready_look_seconds: float = 0.1
    """Wait between two tries while a checked key is not ready."""
    key_steady_seconds: float = 10.0
    """How long a checked key must keep its permissions, and how long KMS may not know a new key."""
    key_progress_seconds: float = 1.0
    """How often the progress of a key change is stored."""
    proof_passes: int = 5
    """Passes over the key objects, after which a key change is retried if new ones still come."""

    # Microsoft Graph
    graph_trouble_seconds: float = 6 * 3600.0
    """How long transient trouble with Graph or the store may last before a stream, or the job, fails."""
    stream_trouble_seconds: float = 600.0
    """How long transient trouble with one stream may last before it fails, while Graph answers others of the directory."""
    other_streams: int = 2
    """Other streams that get one small request each, to tell trouble with one stream from trouble with Graph."""
    refused_objects: int = 1000
    """Refused objects of a stream. With more, Graph counts as refusing the stream."""
    proof_seconds: float = 30.0
    """Wait before Graph is asked again whether a directory lacks a resource, or the licence for it."""
    gone_after_seconds: float = 60.0
    """The time after which a missing object is looked up again, since a replica may lag. Missing twice, it is deleted."""
    cursor_days: float = 6.0
    """The age at which a cursor is no longer used (Graph promises seven days)."""
    sign_in_connect_seconds: int = 10
    """Time-out of a connection to Microsoft's sign-in service."""
    graph_wait_most_seconds: float = 3600.0
    """Longest Retry-After of Graph that is followed."""
    batches_ahead: int = 4
    """Batches of child requests that are sent in advance."""
    loop_pages: int = 1 << 16
    """Links and pages that are remembered as hashes, some 10 MB. Loops of up to that many pages are detected."""
    loop_repeated_pages: int = 8
    """Repeated pages in a row that make a loop. A delta round may repeat objects, but not so many identical pages."""
    loop_empty_pages: int = 1000
    """Empty pages in a row that make a loop. Graph sends empty pages with a further link now and then."""
    requests_in_flight: int = 8
    """Requests to Graph that all workers together may have open for one application in one directory."""
    place_seconds: float = 15.0
    """The time after which the place of a request to Graph expires unless it is renewed."""
    place_look_seconds: float = 0.05
    """Wait between two attempts to take a place, plus or minus half."""
    request_wait_most_seconds: float = 60.0
    """Longest wait of a request for a place. A step that waits longer releases its slot to another one."""
    write_seconds: float = 60.0
    """Longest time of one write to Graph, after which its answer counts as lost."""
    write_claim_seconds: float = 120.0
    """How long the claim on a step that writes lasts without a renewal: longer than a write."""
    doubt_seconds: float = 120.0
    """Wait after the end of a lost claim and of its last write, before what it may have created is looked for."""
    look_backoff: Backoff = Backoff(first=20.0, longest=120.0, factor=6.0)
    """Waits before each look for an object whose creation got no answer."""
    looks: int = 3
    """Looks that must find nothing before a creation without an answer is repeated."""
    lag_backoff: Backoff = Backoff(first=1.0, longest=30.0)
    """Waits before a write is repeated because Graph does not know a fresh object yet."""
    lag_seconds: float = 600.0
    """How long Graph may not know a fresh object."""
    write_tries: int = 4
    """Most tries of a write that Graph postpones or does not answer, without a fresh object as reason."""
    write_troubles: int = 3
    """Failed connections in a row after which a step that writes is released."""
    mark_seconds: float = 60.0
    """Least time between two writes to an object that carries a mark: Graph may lose the second of two close ones."""
    refused_properties: int = 8
    """Properties that may be left out of one request because Graph refuses them, one after the other."""
    writes_at_once: int = 4
    """Requests with writes that a restore has open at the same time, with up to 20 writes each."""
    results_waiting: int = 100
    """Results of a restore that wait at most until they are stored."""
    results_seconds: float = 1.0
    """How long results of a restore wait at most until they are stored."""
    prove_seconds: float = 600.0
    """How long after the last write a difference may remain before it counts as not applied."""
    prove_backoff: Backoff = Backoff(first=30.0, longest=240.0)
    """Waits before a restore looks again at what the directory does not show yet."""
    prove_reads: int = 200
    """Most operations whose records are read again by id. For more, the directory is backed up again."""
    write_wait_most_seconds: float = 200.0
    """Longest wait of a write for its budget: longer than the longest window in which Graph counts one application's."""
    redis_answer_seconds: float = 0.5
    """Time-out of one call to Redis about places."""
    redis_rest_seconds: float = 5.0
    """How long Redis is not called about places after it did not answer."""

    # The store and its upkeep
    store_look_seconds: float = 60.0
    """How long a process trusts a network store after it has checked the mark."""
    store_missing_seconds: float = 1.0
    """How long a process trusts a network store in which it misses a blob."""
    store_pause_seconds: float = 2.0
    """How long a process waits before it checks a store again whose mark was wrong."""
    store_wait_most_seconds: float = 600.0
    """Longest Retry-After of S3 that is followed."""
    store_reads: int = 4
    """Attempts to read a blob whose body breaks off: botocore retries only until an answer begins."""
    store_read_pause_seconds: float = 0.5
    """Longest wait between these attempts."""
    witnesses: int = 20
    """Tenants whose objects are looked up in a store without a known mark. One match is enough."""
    sweep_hours: float = 24.0
    """How often a tenant is swept."""
    settled_hours: float = 24.0
    """How long ago a job must have ended before the sweep removes its garbage."""

    # Probes and notices
    identity_seconds: float = 3600.0
    """How often a worker asks AWS for its account and principal."""
    identity_retry_seconds: float = 60.0
    """Wait before a worker asks again after AWS did not tell."""
    probes: int = 16
    """Keys that one process probes at the same time."""
    probe_round_seconds: float = 1.0
    """How often a prober looks for due probes and notices."""
    prober_restart_seconds: float = 5.0
    """Wait before a prober that ended is restarted."""
    probe_seconds: float = 90.0
    """How long a probe or notice is reserved for the process that took it: longer than all its calls can take."""
    probe_again_seconds: float = 5.0
    """Wait before a probe's new result is confirmed by another probe."""
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
    notice_hours: float = 24.0
    """Age at which an event is no longer sent."""
    notice_targets: int = 20
    """Notice targets of a tenant, or of the installation."""
    notice_characters: int = 2_000
    """Characters of a line in a mail or chat message, and of a target's address."""
    notice_deliveries_shown: int = 10
    """Newest deliveries of a notice target that a list shows."""
    notices_addressed: int = 200
    """Queued notices that one transaction addresses to their targets."""
    deliveries: int = 8
    """Deliveries to targets that one process has under way: so many first tries, and as many retries."""
    delivery_seconds: float = 90.0
    """How long a delivery is reserved for the process that took it: longer than a receiver is waited for."""
    events_kept: int = 50
    """Events of each kind that SQL keeps for a tenant, and deliveries for a notice target."""

    # Signing in to the console
    hashes_at_once: int = 2
    """Passwords and codes that one process hashes at the same time. Each takes 64 MiB."""
    ceremony_seconds: float = 600.0
    """How long a person may take at the authenticator or at the sign-in provider."""
    provider_connect_seconds: float = 3.0
    """Time-out of a connection to the sign-in provider."""
    provider_answer_seconds: float = 6.0
    """How long the sign-in provider may take for a whole answer."""
    provider_answer_bytes: int = 1024 * 1024
    """The largest answer of a sign-in provider that is read."""
    provider_keys_hours: float = 24.0
    """How long the provider's keys are used before they are read again."""
    provider_keys_again_seconds: float = 60.0
    """Least time between two reads of the provider's keys because a token names an unknown one."""
    provider_clock_seconds: float = 60.0
    """Difference between this machine's clock and the provider's that is tolerated."""
    # The fleet
    rpo_target_least_seconds: float = 600.0
    """The lowest target of an RPO: a backup takes minutes."""
    fleet_page: int = 50
    """Tenants of a page of the fleet."""
    fleet_page_most: int = 500
    """Most tenants of a page of the fleet that a client may ask for."""
    trend_days: int = 14
    """Days that the fleet's trend shows."""
    rpo_days: int = 30
    """Days of which a tenant's highest RPO is shown."""

    # The catalog
    catalog_busy_seconds: int = 10
    """How long a process waits for another one that has locked the SQLite file."""
    purge_seconds: float = 20.0
    """How long a purge of deleted rows tries to empty SQLite's log while others use the database."""
    purge_busy_ms: int = 500
    """How long each attempt of a purge waits for the others, in milliseconds."""
    purge_pause_seconds: float = 0.2
    """Wait between two attempts of a purge."""
    clock_slack_seconds: float = 5.0
    """A tick that is further in the future was stored before the database's clock was set back."""
    completion_seconds: int = 2
    """Time-out of a connection that completes tenants' names in a shell. The query gets half of it."""

    # Commands
    trouble_shown_seconds: float = 15.0
    """Age of a step's trouble after which a waiting user is informed. Shorter trouble is usual."""
    scrape_seconds: float = 10.0
    """How long a client of the metrics server may take to send its request."""
    part_start_seconds: float = 60.0
    """Extra time that a part of ``up`` has until its first sign of life."""
    part_backoff: Backoff = Backoff(first=1.0, longest=30.0)
    """Waits before a part of ``up`` that ended is restarted."""
    part_ends_shown: int = 3
    """Consecutive ends of a part after which ``up`` shows the last lines of its log."""
    part_log_bytes: int = 10 * 1024 * 1024
    """Size of a part's log after which it becomes ``<part>.log.1`` and a new one begins."""
    parts_look_seconds: float = 5.0
    """How often ``up`` checks the health of its parts."""
    parts_slow_seconds: float = 30.0
    """The time after which ``up`` names the parts that have not answered yet."""
    store_watch_seconds: float = 60.0
    """How often ``up`` checks a store that works."""
    store_watch_wrong_seconds: float = 10.0
    """How often ``up`` checks a store that does not work."""
    watch_broker_seconds: float = 0.5
    """How long ``up`` waits for each answer of the broker."""
    redis_start_answer_seconds: float = 2.0
    """How long ``up`` waits for each answer of the broker before it starts the parts."""
    web_url_bytes: int = 2_048
    """Bytes of path and query that a request to the console may have."""
    web_head_bytes: int = 16 * 1024
    """Bytes of a request's head."""
    web_head_seconds: float = 10.0
    """How long the head of a connection's first request may take to arrive."""
    web_body_bytes: int = 64 * 1024
    """Bytes of a posted form."""
    web_fields: int = 1_000
    """Fields of a posted form."""
    web_connections: int = 1_000
    """Connections that the console serves at a time."""
    web_idle_seconds: int = 15
    """How long the console keeps a connection without a request."""
    web_last_seconds: int = 3
    """How long requests to the console may go on after SIGTERM."""
    web_pulse_seconds: float = 5.0
    """How long the console keeps what SQL says about beat, broker and workers."""
    web_kept_seconds: float = 60.0
    """How long the console keeps sums over many days, and who has which role in a tenant, for its pages."""
    web_body_seconds: float = 10.0
    """How long a request to the console may take to arrive."""
    web_pace_seconds: int = 10
    """The time over which the console counts requests."""
    web_network_requests: int = 600
    """Requests that one network address may send in that time, people behind one proxy together."""
    web_sign_in_requests: int = 200
    """Requests that one sign-in may send in that time."""
    web_rows: int = 50
    """Rows of a page of jobs or audit events."""
    live_look_seconds: float = 1.0
    """How often the console looks at the jobs that somebody watches."""
    live_seconds: float = 60.0
    """How long a stream of live progress lasts. The browser begins another one."""
    live_silent_seconds: float = 15.0
    """Silence after which a stream sends a comment, at which a lost connection fails."""
    live_streams: int = 4
    """Streams of live progress that a sign-in may have: browsers open six connections to a site at most."""
    leftovers_seconds: float = 15.0
    """How long ``up`` waits for the end of processes that a killed supervisor left."""


LIMITS = Limits()
"""The limits of a process that is not a test's."""
