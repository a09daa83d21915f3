"""What cannot be written at all: objects by their kind and traits, and properties that only a whole object may have."""

from collections.abc import Iterator

from shared.domain.json_text import canonical, members
from shared.domain.resources import RESOURCES
from shared.domain.resources.restoring import RestoreKind, Restoring
from shared.domain.restore.bodies import part
from shared.domain.restore.directory import Trait, traits_of
from shared.domain.restore.draft import restoring_of
from shared.domain.restore.operations import Hindrance

Refusal = tuple[Hindrance, str]
"""The kind of a hindrance, and its reason."""

SYNCED = "It is synchronised from on-premises: change it at its source."
EXCHANGE = "It is a mail-enabled group that only Exchange can change: restore it in the Exchange admin center."
BY_HAND = "Graph lets no application write this: an administrator must set it."
UNSHOWN = "Graph did not show this value to the backup (unknownFutureValue)."


def object_refusal(restoring: Restoring, wanted: bytes, traits: Trait) -> Refusal | None:
    """Return why a missing object cannot be restored, or None."""
    fixed = fixed_refusal(restoring, wanted)
    if fixed is not None:
        return fixed
    if traits & Trait.SYNCED:
        return Hindrance.IMPOSSIBLE, SYNCED
    if traits & Trait.EXCHANGE:
        return Hindrance.IMPOSSIBLE, EXCHANGE
    return None


def fixed_refusal(restoring: Restoring, value: bytes) -> Refusal | None:
    """Return why Graph does not allow an application to write an object, or None."""
    if restoring.kind is RestoreKind.ADMINISTRATOR:
        place = f" {restoring.place}" if restoring.place else " in the Microsoft Entra admin center"
        reason = restoring.by_hand or "Graph lets no application write this"
        return Hindrance.ADMINISTRATOR, f"{reason}: an administrator must do it{place}."
    if restoring.kind is RestoreKind.NEVER:
        return Hindrance.IMPOSSIBLE, "Graph offers no way to write this."
    for fixed in restoring.fixed:
        if canonical(part(value, fixed.property)) == canonical(fixed.value.encode()):
            return Hindrance.IMPOSSIBLE, fixed.reason
    return None


def administrator_values(resource: str, wanted: bytes) -> dict[str, bytes]:
    """Return the values that an administrator sets to restore an object."""
    restoring = RESOURCES[resource].restoring
    if restoring is None or restoring.kind is not RestoreKind.ADMINISTRATOR:
        return {}
    hidden = {"id", *RESOURCES[resource].volatile, *restoring.secret}
    return {name: value for name, value in (members(wanted) or {}).items() if name not in hidden and "@" not in name}


def essential(resource: str, wanted: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the properties of an object that must resolve before it is created."""
    restoring = restoring_of(resource)
    first = {each.path.partition(".")[0] for each in RESOURCES[resource].references}
    names = first if restoring.strict else first & {*restoring.required, *restoring.create_only}
    if traits_of(resource, wanted) & Trait.DYNAMIC:
        names = names | {"membershipRule"}
    inner = members(wanted) or {}
    yield from ((name, inner[name]) for name in sorted(names) if name in inner)
