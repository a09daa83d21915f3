"""Names of blobs: all except the store's mark are under the tenant's id, as docs/format.md describes."""

STORE_MARK = "store"
"""The name of the store's mark, which identifies the store."""


def jobs_prefix(tenant_id: str) -> str:
    """Return the prefix of the names of all chunks. The id of the job that wrote a chunk follows."""
    return f"{tenant_id}/jobs/"


def chunks_prefix(tenant_id: str, job_id: str) -> str:
    """Return the prefix of the names of a job's chunks."""
    return f"{jobs_prefix(tenant_id)}{job_id}/"


def chunk_blob(tenant_id: str, job_id: str, name: str) -> str:
    """Return the name of a chunk's blob. ``name`` is the SHA-256 of its sealed bytes, in hex."""
    return f"{chunks_prefix(tenant_id, job_id)}{name}"


def manifests_prefix(tenant_id: str) -> str:
    """Return the prefix of the names of all manifests. The snapshot's id follows."""
    return f"{tenant_id}/snapshots/"


def manifest_blob(tenant_id: str, snapshot_id: str) -> str:
    """Return the name of a manifest."""
    return f"{manifests_prefix(tenant_id)}{snapshot_id}"


def key_objects_prefix(tenant_id: str, data_key_id: str | None = None) -> str:
    """Return the prefix of the names of all key objects, or of those of one data key."""
    return f"{tenant_id}/keys/" + (f"{data_key_id}/" if data_key_id else "")


def key_object_blob(tenant_id: str, data_key_id: str, generation: int) -> str:
    """Return the name of a key object."""
    return f"{key_objects_prefix(tenant_id, data_key_id)}{generation}"


def data_key_of(key_object: str) -> str:
    """Return the data key's id in the name of a key object. Its generation is the ``last`` segment."""
    return key_object.split("/")[-2]


def heads_prefix(tenant_id: str) -> str:
    """Return the prefix of the names of the audit trail's heads. The number of the event follows."""
    return f"{tenant_id}/audit/"


def head_blob(tenant_id: str, number: int) -> str:
    """Return the name of a head of the audit trail."""
    return f"{heads_prefix(tenant_id)}{number}"


def trust_records_prefix(tenant_id: str) -> str:
    """Return the prefix of the names of all trust records. The record's number follows."""
    return f"{tenant_id}/trust/"


def trust_record_blob(tenant_id: str, number: int) -> str:
    """Return the name of a trust record."""
    return f"{trust_records_prefix(tenant_id)}{number}"


def certificate_blob(tenant_id: str) -> str:
    """Return the name of the certificate that the tenant's data keys were destroyed."""
    return f"{tenant_id}/shredded"


def shredding_blob(tenant_id: str) -> str:
    """Return the name of the note that the tenant's data keys are being destroyed. The certificate replaces it."""
    return f"{tenant_id}/shredding"


def last(blob: str) -> str:
    """Return the last segment of a name: a chunk's hash, a manifest's snapshot, a key object's generation."""
    return blob.rpartition("/")[2]
