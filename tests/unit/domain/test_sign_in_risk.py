"""Who could still restore while the protected directory does not work."""

from datetime import UTC, datetime
from typing import Any

from shared.domain.access import Grant, Role
from shared.domain.people import GivenGrant, Identity, Person, PersonDetail, Ways
from shared.domain.sign_in_risk import only_through_directory, restorers

NOW = datetime(2026, 11, 30, tzinfo=UTC)
INSIDE, OUTSIDE = Identity(authority="DIR", subject="ana"), Identity(authority="other", subject="ana")


def detail(handle: str, *grants: Grant, **ways: Any) -> PersonDetail:
    given = tuple(GivenGrant(grant=each, tenant="acme", by="ops", reason="", given_at=NOW) for each in grants)
    return PersonDetail(
        person=Person(person_id=handle, handle=handle, break_glass=False, created_at=NOW),
        grants=given,
        ways=Ways(**ways),
        signed_in_at=None,
        seen_at=None,
        invited_until=None,
    )


HERE, EVERYWHERE = Grant(role=Role.RESTORER, tenant_id="acme"), Grant(role=Role.RESTORER, tenant_id=None)
ELSEWHERE, VIEWER = Grant(role=Role.RESTORER, tenant_id="other"), Grant(role=Role.VIEWER, tenant_id="acme")


def risky(*people: PersonDetail) -> bool:
    return only_through_directory(people, "acme", "dir")


def test_who_may_restore_has_the_role_in_the_tenant_or_the_installation() -> None:
    people = [detail("ana", HERE), detail("bob", EVERYWHERE), detail("carol", ELSEWHERE), detail("dave", VIEWER)]
    assert [each.person.handle for each in restorers(people, "acme")] == ["ana", "bob"]


def test_all_who_may_restore_and_sign_in_through_the_directory_are_a_risk() -> None:
    assert risky(detail("ana", HERE, identities=(INSIDE,)), detail("bob", EVERYWHERE, identities=(INSIDE,)))
    assert risky(detail("ana", HERE, identities=(INSIDE,)), detail("bob", VIEWER, passkeys=1))
    assert risky(detail("ana", HERE, identities=(INSIDE,)), detail("bob", HERE))
    assert risky(detail("ana", HERE, identities=(INSIDE,), password=True))


def test_one_other_way_in_is_enough() -> None:
    inside = detail("ana", HERE, identities=(INSIDE,))
    assert not risky(inside, detail("bob", HERE, passkeys=1))
    assert not risky(inside, detail("bob", HERE, identities=(INSIDE,), password=True, codes=1))
    assert not risky(detail("ana", HERE, identities=(INSIDE, OUTSIDE)))


def test_with_nobody_who_may_restore_and_sign_in_there_is_another_problem() -> None:
    assert not risky()
    assert not risky(detail("ana", HERE), detail("bob", VIEWER, identities=(INSIDE,)))
