"""Documents of the store and of what a rebuild finds in it."""

from typing import TYPE_CHECKING

import msgspec

from console.documents.keys import UntrustedDocument, untrusted_document
from shared.domain.errors import Code

if TYPE_CHECKING:
    from shared.engine.store.mark import Look
    from shared.engine.upkeep.rebuild import Rebuilt


class StoreDocument(msgspec.Struct, frozen=True, kw_only=True):
    """The store of the settings, and the store that the catalog knows."""

    state: str
    """``ours``, ``unmarked``, ``unknown``, ``missing`` or ``another``."""
    place: str
    """Where the store is: a bucket or a folder."""
    mark: str | None
    """The id in the store's mark, null without a mark."""
    known: str | None
    """The id that the catalog knows, null if it knows none."""
    known_place: str | None
    """Where the store that the catalog knows was last seen."""


class UnusableBlob(msgspec.Struct, frozen=True, kw_only=True):
    """A blob that a rebuild could not use."""

    blob: str
    """The blob's name in the store."""
    reason: Code
    """The code of what is wrong with it."""


class RebuiltTenant(msgspec.Struct, frozen=True, kw_only=True):
    """What a rebuild restored of a tenant."""

    tenant: str | None
    """The tenant's name, null if it is still unknown."""
    tenant_id: str
    """The tenant's id."""
    snapshots: int
    """Number of snapshots that were restored."""
    data_keys: int
    """Number of data keys that were restored."""
    damaged: list[UnusableBlob]
    """Blobs that are missing or unusable."""
    strays: list[str]
    """Names in the store that are not Entrakeep's and were skipped."""
    untrusted: list[UntrustedDocument]
    """What was skipped because its KMS key is not trusted."""
    other_key: str | None
    """The KMS key that the tenant was changed to after the catalog was written."""
    code: Code | None
    """The code of the error that prevented the rebuild of this tenant."""
    message: str | None
    """The sentence for the code."""


def store_document(look: "Look") -> StoreDocument:
    """Return the document of the store."""
    known = look.known if look.known is not None and look.known.marked else None
    return StoreDocument(
        state=look.state,
        place=look.place,
        mark=look.mark.id if look.mark is not None else None,
        known=known.store_id if known is not None else None,
        known_place=known.place if known is not None else None,
    )


def rebuilt_tenant(outcome: "Rebuilt") -> RebuiltTenant:
    """Return the document of the outcome of a rebuild for one tenant."""
    return RebuiltTenant(
        tenant=outcome.tenant.name if outcome.tenant is not None else None,
        tenant_id=outcome.tenant_id,
        snapshots=outcome.snapshots,
        data_keys=outcome.data_keys,
        damaged=[UnusableBlob(blob=each.blob, reason=each.reason) for each in outcome.broken],
        strays=outcome.strays,
        untrusted=[untrusted_document(each) for each in outcome.untrusted],
        other_key=outcome.other_key,
        code=outcome.trouble.code if outcome.trouble is not None else None,
        message=outcome.trouble.message if outcome.trouble is not None else None,
    )
