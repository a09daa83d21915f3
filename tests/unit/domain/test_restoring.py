"""The table's restore part agrees with itself, and with what a backup holds."""

import json
import re

import pytest

from shared.domain.resources import LINKS, RESOURCES, STREAMS, Reading, Resource, Restoring, properties_of
from shared.domain.resources.restoring import RestoreKind, SafeCreate

PLACEHOLDER = re.compile(r"\{(\w+)\}")
SINGLE = frozenset({"users.manager"})
"""Links of which an object has at most one, so that no id is needed to remove it."""
WRITTEN = tuple(row for row in RESOURCES.values() if row.restoring)
CREATED = (RestoreKind.OBJECT, RestoreKind.ROW)


def restoring_of(row: Resource) -> Restoring:
    assert row.restoring is not None
    return row.restoring


def placeholders(path: str) -> set[str]:
    return set(PLACEHOLDER.findall(path))


def tops(paths: tuple[str, ...]) -> set[str]:
    """Return the properties of which the paths name a part."""
    return {path.split(".")[0] for path in paths}


def has_owner(row: Resource) -> bool:
    """Return True if the records belong to objects of another resource."""
    return STREAMS[row.stream].children is not None or row.resource in LINKS


def rows(*kinds: RestoreKind) -> list[Resource]:
    return [row for row in WRITTEN if restoring_of(row).kind in kinds]


def test_every_resource_says_how_it_is_restored() -> None:
    assert [name for name, row in RESOURCES.items() if row.restoring is None] == []


@pytest.mark.parametrize("row", WRITTEN, ids=lambda row: row.resource)
def test_what_is_written_is_part_of_what_a_backup_holds(row: Resource) -> None:
    part = restoring_of(row)
    written = (*part.writable, *part.create_only, *part.secret, *part.by_administrator)
    assert {*written, *(call.property for call in part.calls)} <= set(properties_of(row.resource))
    assert len(set(written)) == len(written), "a property has one way to be written"


@pytest.mark.parametrize("row", WRITTEN, ids=lambda row: row.resource)
def test_a_property_that_graph_demands_can_be_given(row: Resource) -> None:
    part = restoring_of(row)
    assert set(part.required) <= {*part.writable, *part.create_only}
    assert not set(part.generated) & {*part.writable, *part.create_only}
    assert not set(part.required) & tops(part.later), "a create without it is refused"
    assert not set(part.required) & set(part.last) - set(part.initial), "a create needs a value for it"


@pytest.mark.parametrize("row", WRITTEN, ids=lambda row: row.resource)
def test_rules_about_writing_speak_of_writable_properties(row: Resource) -> None:
    part = restoring_of(row)
    ruled = (*part.alone, *part.last, *part.whole, *part.not_cleared, *part.synced, *part.sensitive, *part.keyed)
    assert {*ruled, *part.initial, *tops(part.later)} <= set(part.writable)
    assert tops(part.parts_by_graph) <= {*part.writable, *part.create_only, *(call.property for call in part.calls)}
    assert set(part.initial) <= {*part.later, *part.last}, "the snapshot's value is written some time"
    assert all(json.loads(value) is not None for value in part.initial.values())


@pytest.mark.parametrize("row", rows(*CREATED), ids=lambda row: row.resource)
def test_an_object_is_posted_to_its_collection_and_patched_by_its_id(row: Resource) -> None:
    part = restoring_of(row)
    owner = {"owner"} if has_owner(row) else set[str]()
    assert placeholders(part.collection) == (owner if part.collection else set())
    below = STREAMS[row.stream].children
    assert placeholders(part.item) == (owner if below is not None and below.to_one else {"id"} | owner)
    if part.collection:
        collection, mark, cast = part.collection.partition("/microsoft.graph.")
        after_cast = f"{collection}/{{id}}{mark}{cast}"
        assert part.item in (f"{part.collection}/{{id}}", after_cast), "Graph casts an object after its id"
        assert part.collection.replace("{owner}", "{id}") == row.path
    if part.kind is RestoreKind.ROW:
        assert not part.writable, "a row never changes"


@pytest.mark.parametrize("row", rows(*CREATED), ids=lambda row: row.resource)
def test_no_object_is_created_twice_after_a_lost_answer(row: Resource) -> None:
    part = restoring_of(row)
    given = {*part.writable, *part.create_only}
    if part.create is SafeCreate.MARK:
        assert part.mark in part.writable, "the mark is replaced later"
        assert part.mark not in ("displayName", "userPrincipalName"), "people see a leftover there"
        assert part.mark not in part.initial
    elif part.create is SafeCreate.NEVER:
        assert not (part.mark or part.identified_by or part.collection)
    else:
        assert not part.mark
        assert part.identified_by
    if part.create is SafeCreate.CLIENT_KEY:
        (key,) = part.identified_by
        assert key in part.create_only if part.collection else f"/{{{key}}}" in part.item
    else:
        assert set(part.identified_by) <= given
    if part.create is SafeCreate.LISTED:
        assert STREAMS[row.stream].reading is not Reading.DELTA, "such collections are too large to be listed"


@pytest.mark.parametrize("row", rows(*CREATED), ids=lambda row: row.resource)
def test_a_bin_undeletes_an_object_by_its_id(row: Resource) -> None:
    for each in (part for part in (restoring_of(row).bin,) if part):
        assert placeholders(each.path) == set()
        assert placeholders(each.restore) == {"id"}
        assert each.restore.startswith(each.path.rpartition("/")[0])


@pytest.mark.parametrize("row", WRITTEN, ids=lambda row: row.resource)
def test_calls_and_fixed_objects_depend_on_properties_of_the_record(row: Resource) -> None:
    part = restoring_of(row)
    assert all(placeholders(call.path) == {"id"} for call in part.calls)
    for each in part.fixed:
        assert each.property in properties_of(row.resource)
        assert json.loads(each.value) is not None


@pytest.mark.parametrize("row", rows(RestoreKind.LINK), ids=lambda row: row.resource)
def test_a_link_is_added_and_removed_by_a_reference(row: Resource) -> None:
    part = restoring_of(row)
    assert row.resource in LINKS
    assert part.link
    assert part.link.add.endswith("/$ref")
    assert part.link.remove.endswith("/$ref"), "without it the linked object itself is deleted"
    if part.link.names:
        assert part.link.names.replace("{owner}", "{id}") == row.path.rpartition("/")[0]
        assert part.link.remove == part.link.add.replace("/$ref", "/{owner}/$ref")
        assert part.link.add.startswith("/{kind}/{id}/")
        return
    assert placeholders(part.link.add) == {"owner"}
    assert placeholders(part.link.remove) == ({"owner"} if row.resource in SINGLE else {"owner", "id"})
    assert part.link.add.removesuffix("/$ref").replace("{owner}", "{id}") == row.path
    assert part.link.bind in ("", row.path.rpartition("/")[2])


def test_only_links_are_written_as_links() -> None:
    unwritten = rows(RestoreKind.ADMINISTRATOR, RestoreKind.NEVER)
    written_as_links = {row.resource for row in rows(RestoreKind.LINK)}
    assert written_as_links == LINKS - {row.resource for row in unwritten}


def test_what_names_others_is_written_after_them() -> None:
    stages = {row.resource: restoring_of(row).stage for row in WRITTEN}
    for row in WRITTEN:
        part = restoring_of(row)
        for reference in row.references:
            delayed = reference.path.startswith((*part.later, *part.last))
            if not reference.foreign and not delayed:
                assert all(stages[name] < part.stage for name in reference.resources if name != row.resource), reference


@pytest.mark.parametrize("row", WRITTEN, ids=lambda row: row.resource)
def test_references_name_protected_resources_or_none(row: Resource) -> None:
    for reference in row.references:
        assert set(reference.resources) <= set(RESOURCES)
        assert reference.path.split(".")[0] in properties_of(row.resource)
        assert all(word == word.lower() for word in reference.words)
    assert len({reference.path for reference in row.references}) == len(row.references)


@pytest.mark.parametrize("row", WRITTEN, ids=lambda row: row.resource)
def test_catches_and_reasons_are_sentences(row: Resource) -> None:
    part = restoring_of(row)
    for sentence in (*part.catches, *(each.reason for each in part.fixed)):
        assert sentence[0].isupper()
        assert sentence.endswith(".")
        assert len(sentence.split()) <= 25


@pytest.mark.parametrize(
    ("resource", "summary"),
    [
        ("applications.owners", "link"),
        ("users", "undelete or create, then update; passwords are lost; synchronised users are read-only"),
        ("conditionalAccessPolicies", "create, then update; report-only at first"),
        ("authenticationContexts", "create under its id, then update"),
        ("termsOfUseAgreements", "by an administrator; everybody must accept again"),
        ("organization", "update; mails, phones and privacy profile only"),
    ],
)
def test_the_summary_says_how_records_come_back(resource: str, summary: str) -> None:
    assert RESOURCES[resource].restore == summary
