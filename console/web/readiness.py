"""Whether a tenant is ready for a bad day: a list of what to look at before it comes."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from shared.domain.access import Action
from shared.domain.people import PersonDetail
from shared.domain.sign_in import expiry_sentence, restore_expiry_sentence
from shared.domain.sign_in_risk import only_through_directory, restorers
from shared.engine.requests.fleet import KeyWord, Protection

if TYPE_CHECKING:
    from console.web.page import Ask
    from shared.domain.model import Tenant

_TRIED_DAYS = 90


class Point(NamedTuple):
    """A point of the list."""

    state: str
    """``ok``, ``warns`` or ``failed``."""
    text: str
    """What is so, as a sentence."""
    link: str | None = None
    """Where to act, None if the visitor may not."""


def readiness(ask: "Ask", protection: Protection) -> list[Point]:
    """Return the points, those that need somebody first."""
    tenant = ask.of_tenant
    key = ("readiness", tenant.tenant_id)
    people = ask.front.kept.get(
        key, ask.front.clock.monotonic(), lambda: ask.catalog.people().all(ask.now, tenant.tenant_id)
    )
    points = [*_of_tenant(ask, tenant), *_of_key(tenant, protection), *_of_people(ask, tenant, people)]
    return sorted(points, key=lambda point: ("failed", "warns", "ok").index(point.state))


def _of_tenant(ask: "Ask", tenant: "Tenant") -> Iterator[Point]:
    """Yield what concerns the applications of the tenant."""
    link = f"/t/{tenant.name}/settings/connection"
    if tenant.restore_client_id is None:
        yield Point("failed", "No application may restore: add a restore identity.", link)
    else:
        yield Point("ok", "An application may restore.")
    expires = [expiry_sentence(tenant, ask.now), restore_expiry_sentence(tenant, ask.now)]
    for sentence in filter(None, expires):
        yield Point("warns", sentence, link)
    if tenant.sign_in_expires_at is None:
        yield Point("warns", "It is not known when the credential of the application that reads expires.", link)
    elif not any(expires):
        yield Point("ok", f"The credential lasts until {tenant.sign_in_expires_at:%Y-%m-%d}.")


def _of_key(tenant: "Tenant", protection: Protection) -> Iterator[Point]:
    """Yield what concerns key and snapshots."""
    link = f"/t/{tenant.name}/settings/key-management"
    if protection.key in (KeyWord.OK, KeyWord.UPDATING):
        yield Point("ok", "The key works, and nothing threatens it.")
    else:
        state = "warns" if protection.key is KeyWord.WARNS else "failed"
        yield Point(state, f"The key is not well: {protection.key}.", link)
    if protection.status.verified_at is None:
        yield Point("warns", "The snapshots were never verified in full: verify them.")
    else:
        yield Point("ok", f"The snapshots were verified in full on {protection.status.verified_at:%Y-%m-%d}.")


def _of_people(ask: "Ask", tenant: "Tenant", people: Sequence[PersonDetail]) -> Iterator[Point]:
    """Yield what concerns the people who would act."""
    link = f"/t/{tenant.name}/people" if ask.visitor.may(Action.PEOPLE_GRANT, tenant.tenant_id) else None
    may_restore = restorers(people, tenant.tenant_id)
    if len(may_restore) < 2:
        word = "Nobody" if not may_restore else "Only one person"
        yield Point("failed" if not may_restore else "warns", f"{word} may restore: give the role to two.", link)
    else:
        yield Point("ok", f"{len(may_restore)} people may restore.")
    if only_through_directory(people, tenant.tenant_id, tenant.directory_id):
        sentence = "All who may restore sign in through the directory that is protected: give one of them a passkey."
        yield Point("failed", sentence, link)
    yield _break_glass(ask, [each for each in people if each.person.break_glass])


def _break_glass(ask: "Ask", people: Sequence[PersonDetail]) -> Point:
    """Return the point about people for the day on which nobody else can sign in."""
    if not people:
        link = "/people" if ask.visitor.may(Action.INSTALLATION_PEOPLE) else None
        return Point("warns", "There is no break-glass person for the day on which nobody else can sign in.", link)
    tried = max((each.signed_in_at for each in people if each.signed_in_at is not None), default=None)
    if tried is None:
        return Point("warns", "Break-glass was never tried: sign in with it once.")
    days = (ask.now - tried).days
    if days > _TRIED_DAYS:
        return Point("warns", f"Break-glass was last tried {days} days ago: sign in with it once.")
    return Point("ok", f"Break-glass was tried on {tried:%Y-%m-%d}.")
