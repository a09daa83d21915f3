"""An object that was restored under a new id is one object in later comparisons, with its links and assignments."""

from shared.domain.compare import ChangedRecord, changed_records
from shared.domain.restore.id_map import EntryState, IdMap, MapEntry
from shared.domain.restore.pairing import paired
from shared.domain.restore.world import RecordDifference

OLD, NEW, USER = (f"{digit * 8}-0000-0000-0000-000000000000" for digit in "abc")


def id_map(*pairs: tuple[str, str]) -> IdMap:
    return IdMap(
        MapEntry(old_id=old, first_id=old, current_id=new, resource="groups", state=EntryState.CREATED, job_id="job")
        for old, new in pairs
    )


def differences(resource: str, before: dict[str, bytes], after: dict[str, bytes], ids: IdMap) -> list[RecordDifference]:
    old, new = ({key.encode(): value for key, value in side.items()} for side in (before, after))
    return list(paired(resource, changed_records(iter(sorted(old.items())), iter(sorted(new.items()))), ids))


def test_object_under_a_new_id_is_one_object() -> None:
    before = {f"groups/{OLD}": b'{"id":"%b","displayName":"A"}' % OLD.encode()}
    after = {f"groups/{NEW}": b'{"id":"%b","displayName":"B"}' % NEW.encode()}
    (only,) = differences("groups", before, after, id_map((OLD, NEW)))
    assert only == RecordDifference(
        "groups", f"groups/{NEW}", after[f"groups/{NEW}"].replace(b"B", b"A"), after[f"groups/{NEW}"]
    )


def test_object_under_a_new_id_that_has_the_same_values_does_not_differ() -> None:
    before = {f"groups/{OLD}": b'{"id":"%b"}' % OLD.encode(), f"groups/{USER}": b"{}"}
    after = {f"groups/{NEW}": b'{"id":"%b"}' % NEW.encode(), f"groups/{USER}": b"{}"}
    assert differences("groups", before, after, id_map((OLD, NEW))) == []


def test_links_of_an_object_under_a_new_id_are_the_same_links() -> None:
    before = {f"groups/{OLD}/members/{USER}": b'{"id":"%b"}' % USER.encode()}
    after = {f"groups/{NEW}/members/{USER}": b'{"id":"%b"}' % USER.encode()}
    assert differences("groups.members", before, after, id_map((OLD, NEW))) == []
    missing = differences("groups.members", before, {}, id_map((OLD, NEW)))
    assert [(each.key, each.live) for each in missing] == [(f"groups/{NEW}/members/{USER}", None)]


def test_value_that_names_an_object_under_its_new_id_does_not_differ() -> None:
    before = {"conditionalAccessPolicies/1": b'{"excludeGroups":["%b"]}' % OLD.encode()}
    after = {"conditionalAccessPolicies/1": b'{"excludeGroups":["%b"]}' % NEW.encode()}
    assert differences("conditionalAccessPolicies", before, after, id_map((OLD, NEW))) == []
    assert len(differences("conditionalAccessPolicies", before, after, id_map())) == 1


def test_object_restored_twice_is_found_under_its_latest_id() -> None:
    before = {f"groups/{OLD}": b'{"id":"%b"}' % OLD.encode()}
    after = {f"groups/{USER}": b'{"id":"%b"}' % USER.encode()}
    assert differences("groups", before, after, id_map((OLD, NEW), (NEW, USER))) == []


def test_assignment_made_again_is_the_same_assignment() -> None:
    resource = "servicePrincipals.appRoleAssignedTo"
    value = b'{"id":"%b","principalId":"%b","resourceId":"%b","appRoleId":"r"}'
    before = {f"servicePrincipals/{OLD}/appRoleAssignedTo/one": value % (b"one", USER.encode(), OLD.encode())}
    after = {f"servicePrincipals/{NEW}/appRoleAssignedTo/two": value % (b"two", USER.encode(), NEW.encode())}
    (only,) = differences(resource, before, after, id_map((OLD, NEW)))
    assert (only.key, only.live_key) == (
        f"servicePrincipals/{NEW}/appRoleAssignedTo/one",
        f"servicePrincipals/{NEW}/appRoleAssignedTo/two",
    )
    alone = differences(resource, before, after, id_map())
    assert sorted((each.wanted is None, each.live is None) for each in alone) == [(False, True), (True, False)]


def test_records_without_an_earlier_id_are_yielded_as_they_come() -> None:
    """Only records that may have a partner are kept until the end."""
    records = iter([ChangedRecord(b"groups/1", b"1", b"2"), ChangedRecord(b"groups/2", None, b"2")])
    first = next(paired("groups", records, id_map((OLD, NEW))))
    assert (first.wanted, first.live, len(list(records))) == (b"1", b"2", 1)
