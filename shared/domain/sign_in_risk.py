"""Whether people could still sign in while the directory that a tenant protects does not work."""

from collections.abc import Iterable

from shared.domain.access import Role
from shared.domain.people import Means, PersonDetail

_RESTORING = frozenset({Role.RESTORER, Role.ADMIN})
"""Roles without which nothing can be put back: one restores, the other gives that role."""


def only_through_directory(people: Iterable[PersonDetail], tenant_id: str, directory_id: str) -> bool:
    """Return True if nobody who may restore in the tenant could sign in without the directory that it protects.

    A passkey, a password with codes left, or an account of another directory is enough. With nobody who may restore, the
    answer is False: that is another problem.
    """
    restoring = [
        each
        for each in people
        if any(given.grant.role in _RESTORING and given.grant.tenant_id in (None, tenant_id) for given in each.grants)
        and each.ways.means()
    ]
    return bool(restoring) and all(_only_through(each, directory_id) for each in restoring)


def _only_through(person: PersonDetail, directory_id: str) -> bool:
    """Return True if each of the person's ways to sign in needs the directory."""
    others = person.ways.means() - {Means.PROVIDER}
    return not others and all(each.authority == directory_id for each in person.ways.identities)
