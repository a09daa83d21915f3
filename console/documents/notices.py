"""Documents of notice targets and deliveries. They contain no secret but that of a new webhook."""

import msgspec

from console.documents.times import Moment, moment
from shared.domain.notices import Target, TargetKind
from shared.engine.requests.notices import AddedTarget, TargetWithDeliveries
from shared.ports.catalog.notices import Delivery


class DeliveryDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A notice on its way to a target, or at its end."""

    notice: str
    """What it is about."""
    tenant: str | None
    """The tenant that it is about; null if it is about the installation."""
    made_at: Moment
    """When it happened."""
    state: str
    """``waiting``, ``delivered``, or ``failed`` once it is not tried again."""
    outcome: str | None
    """The outcome of the last try, in words of Entrakeep; null before the first."""
    tries: int
    """How often it was tried."""
    tried_at: Moment | None
    """When the last try ended."""
    next_try_at: Moment | None
    """When it is tried next, if it waits."""


class TargetDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A notice target, without its address and secret."""

    target_id: str
    """The target's id."""
    name: str
    """The target's name."""
    kind: TargetKind
    """How notices reach it."""
    place: str
    """Where notices go, without a secret."""
    notices: list[str]
    """Which notices it gets."""
    by: str
    """Who added it."""
    made_at: Moment
    """When it was added."""


class NewTargetDocument(TargetDocument, frozen=True, kw_only=True):
    """A new notice target."""

    secret: str | None
    """The secret of a webhook's signatures, which is shown once; null for mail and chat."""


class ListedTargetDocument(TargetDocument, frozen=True, kw_only=True):
    """A notice target with its newest deliveries."""

    deliveries: list[DeliveryDocument]
    """The newest deliveries, newest first."""


def target_document(target: Target) -> TargetDocument:
    """Return the document of a target."""
    return TargetDocument(**_fields(target))  # type: ignore[arg-type]


def new_target_document(added: AddedTarget) -> NewTargetDocument:
    """Return the document of a new target."""
    return NewTargetDocument(secret=added.secret, **_fields(added.target))  # type: ignore[arg-type]


def listed_target_document(listed: TargetWithDeliveries) -> ListedTargetDocument:
    """Return the document of a target in a list."""
    deliveries = [delivery_document(each) for each in listed.deliveries]
    return ListedTargetDocument(deliveries=deliveries, **_fields(listed.target))  # type: ignore[arg-type]


def delivery_document(delivery: Delivery) -> DeliveryDocument:
    """Return the document of a delivery."""
    return DeliveryDocument(
        notice=delivery.notice,
        tenant=delivery.tenant,
        made_at=moment(delivery.made_at),
        state=delivery.state,
        outcome=delivery.outcome,
        tries=delivery.tries,
        tried_at=moment(delivery.tried_at),
        next_try_at=moment(delivery.next_try_at),
    )


def _fields(target: Target) -> dict[str, object]:
    """Return the fields of a target's document."""
    return {
        "target_id": target.target_id,
        "name": target.name,
        "kind": target.kind,
        "place": target.place,
        "notices": list(target.notices),
        "by": target.made_by,
        "made_at": moment(target.made_at),
    }
