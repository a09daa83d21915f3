"""Use a bucket of S3, or of a store that speaks S3, as a blob store."""

from shared.adapters.blobs.s3.store import S3Store

__all__ = ["S3Store"]
