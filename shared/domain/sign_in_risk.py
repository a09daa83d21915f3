"""Whether people could still sign in while the directory that a tenant protects does not work."""

from collections.abc import Iterable

from shared.domain.access import Role
from shared.domain.people import Means, PersonDetail


def restorers(people: Iterable[PersonDetail], tenant_id: str) -> list[PersonDetail]:
    """Return those who may restore in the tenant, by a role there or in the installation."""
    return [
        each
        for each in people
        if any(
            given.grant.role is Role.RESTORER and given.grant.tenant_id in (None, tenant_id) for given in each.grants
        )
    ]


def only_through_directory(people: Iterable[PersonDetail], tenant_id: str, directory_id: str) -> bool:
    """Return True if all who may restore in the tenant need the directory that it protects to sign in.

    A passkey, a password with codes left, or an account of another directory is enough for one of them. With nobody who may
    restore and sign in, the answer is False: that is another problem.
    """
    able = [each for each in restorers(people, tenant_id) if each.ways.means()]
    return bool(able) and all(_needs(each, directory_id.lower()) for each in able)


def _needs(person: PersonDetail, directory_id: str) -> bool:
    """Return True if each of the person's ways to sign in needs the directory."""
    ways = person.ways
    return ways.means() == {Means.PROVIDER} and all(each.authority.lower() == directory_id for each in ways.identities)
