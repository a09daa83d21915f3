"""Where blobs lie: everything but the store's mark under the tenant's id, as docs/format.md has it."""

STORE_MARK = "store"
"""Where it says which store this is."""


def jobs_prefix(tenant_id: str) -> str:
    """What the names of all chunks begin with; the jobs that wrote them follow."""
    return f"{tenant_id}/jobs/"


def chunks_prefix(tenant_id: str, job_id: str) -> str:
    """What the names of a job's chunks begin with."""
    return f"{jobs_prefix(tenant_id)}{job_id}/"


def chunk_blob(tenant_id: str, job_id: str, name: str) -> str:
    """Where a chunk lies. Its name is the SHA-256 of its sealed bytes, in hex."""
    return f"{chunks_prefix(tenant_id, job_id)}{name}"


def manifests_prefix(tenant_id: str) -> str:
    """What the names of all manifests begin with; the snapshots' ids follow."""
    return f"{tenant_id}/snapshots/"


def manifest_blob(tenant_id: str, snapshot_id: str) -> str:
    """Where a manifest lies."""
    return f"{manifests_prefix(tenant_id)}{snapshot_id}"


def key_objects_prefix(tenant_id: str, data_key_id: str | None = None) -> str:
    """What the names of all key objects begin with, or of those of one data key."""
    return f"{tenant_id}/keys/" + (f"{data_key_id}/" if data_key_id else "")


def key_object_blob(tenant_id: str, data_key_id: str, generation: int) -> str:
    """Where a key object lies."""
    return f"{key_objects_prefix(tenant_id, data_key_id)}{generation}"


def data_key_of(key_object: str) -> str:
    """The id of the data key that a key object is of; its generation is the ``last`` segment."""
    return key_object.split("/")[-2]


def heads_prefix(tenant_id: str) -> str:
    """What the names of the audit trail's heads begin with; the numbers of the events follow."""
    return f"{tenant_id}/audit/"


def head_blob(tenant_id: str, number: int) -> str:
    """Where a head of the audit trail lies."""
    return f"{heads_prefix(tenant_id)}{number}"


def trust_records_prefix(tenant_id: str) -> str:
    """Return what the names of all trust records begin with; their numbers follow."""
    return f"{tenant_id}/trust/"


def trust_record_blob(tenant_id: str, number: int) -> str:
    """Return where a trust record is stored."""
    return f"{trust_records_prefix(tenant_id)}{number}"


def certificate_blob(tenant_id: str) -> str:
    """Where it says that the tenant's data keys were destroyed."""
    return f"{tenant_id}/shredded"


def shredding_blob(tenant_id: str) -> str:
    """Where it says that the tenant's data keys are being destroyed, until the certificate stands."""
    return f"{tenant_id}/shredding"


def last(blob: str) -> str:
    """The last segment of a name: a chunk's hash, a manifest's snapshot, a key object's generation."""
    return blob.rpartition("/")[2]
