"""Back a directory up, change it and back it up again by the real processes.

Every download equals the directory at its time.
"""

import json
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from shared.domain.errors import Answer, Code, Refuse
from shared.domain.jobs import Job, JobState, ResourceProgress
from shared.domain.model import ResourceReport, Snapshot, Tenant
from shared.domain.resources import STREAMS
from tests.commands import Commands
from tests.flow.stack import Stack, running_stack, same, until
from tests.parts import POLICIES
from tests.tables import unknown_in

pytestmark = pytest.mark.flow

LETTERS = (
    rb'{"userPrincipalName":"odd@contoso.com","id":"aaaaaaaa-0000-4000-8000-000000000001","displayName":"\u00e9\/\ud83d\ude00'
    b'\xe2\x80\xa8","big":123456789012345678901234567890,"one":1.0,"hundred":1E+2,"zero":-0.0,"twice":1,"twice":2,'
    rb'"nested":{"id":"not-this-one","manager@delta":[]},"spaced" : [ 1 , 2 ],"nothing":null}'
)
"""JSON that a parse and dump would change."""
HALF = rb'{"id":"aaaaaaaa-0000-4000-8000-000000000002","userPrincipalName":"half@contoso.com","displayName":"\ud800"}'
"""JSON with half a surrogate pair, which fast parsers refuse."""

GRANTS = "oauth2PermissionGrants"
ASSIGNMENT = (
    b'{"id":"as-signed_1","resourceId":"%b","principalId":"p","principalType":"User", '
    b'"appRoleId":"r" ,"odd":1E+2,"odd":-0.0,"\\u0061":"\\ud800"}'
)
"""A service principal with text that a parse and dump would change."""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    options = ("--users", "300", "--groups", "30", "--applications", "9", "--policies", "12")
    with running_stack(tmp_path_factory.mktemp("backup"), *options) as stack:
        stack.graph.post("delta", {"page_size": 60, "links_per_entry": 40, "replay": 3})
        stack.start("beat", "worker")
        yield stack


@pytest.fixture(autouse=True)
def no_faults(stack: Stack) -> None:
    """Remove faults and counts of other tests."""
    stack.graph.clear_faults()
    stack.graph.post("reset-counters")


def progress(stack: Stack, tenant: Tenant, job: Job) -> dict[str, ResourceProgress]:
    """Return the counts of phase 1 of a job."""
    steps = stack.catalog_of(tenant).jobs.steps(job.job_id)
    return {each.resource: each for step in steps if step.phase == 1 for each in step.progress}


def report(snapshot: Snapshot) -> dict[str, ResourceReport]:
    return {each.resource: each for each in snapshot.resources}


def refusing(path: str, status: int = 403, **match: str) -> dict[str, object]:
    return {"match": {"path": path, **match}, "times": 1000, "what": "status", "status": status}


def set_ones(records: dict[str, bytes]) -> dict[str, bytes]:
    """Return the records without null properties. Delta omits those, and an object read by id has them."""
    texts = {key: json.loads(value) for key, value in records.items()}
    return {key: json.dumps({n: v for n, v in text.items() if v is not None}).encode() for key, text in texts.items()}


def some_changes(stack: Stack) -> dict[str, str]:
    """Make changes of every kind. Return the ids of the changed objects."""
    graph = stack.graph
    users, groups, policies = graph.ids("users"), graph.ids("groups"), graph.ids(POLICIES)
    managed = [user for user in users[60:80] if graph.values(f"users/{user}/manager")]
    peopled = [group for group in groups if len(graph.values(f"groups/{group}/members")) > 3]
    member = graph.ids(f"groups/{peopled[0]}/members")[0]
    applications, principals = graph.ids("applications"), graph.ids("servicePrincipals")
    assigned = [one for one in principals if graph.values(f"servicePrincipals/{one}/appRoleAssignedTo")]
    assignment, grants = graph.ids(f"servicePrincipals/{assigned[0]}/appRoleAssignedTo")[0], graph.ids(GRANTS)
    graph.change(
        ("create", "users", LETTERS),
        ("create", "users", HALF),
        ("update", f"users/{users[0]}", {"jobTitle": "Head of Change", "mobilePhone": None}),
        ("delete", f"users/{users[1]}"),
        ("delete", f"users/{users[2]}"),
        ("purge", f"users/{users[2]}"),
        ("create", f"users/{users[3]}/manager", {"id": users[4]}),
        ("delete", f"users/{managed[0]}/manager"),
        ("create", f"users/{managed[1]}/manager", {"id": users[5]}),
        ("create", "groups", {"id": "new-group", "displayName": "New", "securityEnabled": True, "mailEnabled": False}),
        ("create", "groups/new-group/members", {"id": users[6]}),
        ("create", "groups/new-group/owners", {"id": users[7]}),
        ("create", f"groups/{peopled[0]}/members", {"id": "new-group"}),
        ("delete", f"groups/{peopled[0]}/members/{member}"),
        ("create", f"groups/{peopled[0]}/owners", {"id": users[8]}),
        ("update", f"groups/{peopled[0]}", {"description": "Changed with its members"}),
        ("delete", f"groups/{peopled[1]}"),
        ("delete", f"groups/{peopled[2]}"),
        ("purge", f"groups/{peopled[2]}"),
        ("update", f"applications/{applications[0]}", {"displayName": "Renamed", "notes": "1E+2"}),
        ("delete", f"applications/{applications[1]}"),
        ("create", f"applications/{applications[2]}/owners", {"id": users[9]}),
        ("delete", f"servicePrincipals/{assigned[-1]}"),
        ("delete", f"servicePrincipals/{assigned[0]}/appRoleAssignedTo/{assignment}"),
        ("create", f"servicePrincipals/{assigned[0]}/appRoleAssignedTo", ASSIGNMENT % assigned[0].encode()),
        ("update", f"{GRANTS}/{grants[0]}", {"scope": "User.Read"}),
        ("delete", f"{GRANTS}/{grants[1]}"),
        ("create", POLICIES, {"id": "new-policy", "displayName": "New", "state": "disabled", "conditions": {}}),
        ("update", f"{POLICIES}/{policies[0]}", {"state": "disabled"}),
        ("delete", f"{POLICIES}/{policies[1]}"),
    )
    return {
        "assigned": assigned[0],
        "deleted group": peopled[1],
        "purged group": peopled[2],
        "deleted user": users[1],
        "purged user": users[2],
    }


def test_a_first_backup_equals_the_directory_and_starts_at_once(
    stack: Stack, record_property: Callable[[str, object], None]
) -> None:
    tenant = stack.add("first")
    job = stack.backup(tenant)
    same(stack.download(tenant), stack.graph.records())

    snapshot = stack.snapshot(tenant)
    assert (snapshot.job_id, snapshot.parent, snapshot.complete) == (job.job_id, None, True)
    assert stack.catalog_of(tenant).jobs.get(job.job_id).snapshot == snapshot.snapshot_id
    counted = {each.resource: each.records for each in snapshot.resources}
    assert (counted["users"], counted["groups"], counted["conditionalAccessPolicies"]) == (300, 30, 12)
    assert snapshot.objects + snapshot.links == sum(filter(None, counted.values()))

    # A first round repeated objects in every possible way.
    assert stack.graph.count("/v1.0/users/delta") > 5
    assert stack.graph.count("/v1.0/groups/delta") > 300 / 40

    assert job.started_at is not None
    wait = (job.started_at - job.created_at).total_seconds()
    record_property("seconds until a manual job starts", wait)
    assert wait < 5
    assert "step begins" in (stack.home / "worker.log").read_text()


def test_every_kind_of_change_is_in_the_next_scheduled_backup(stack: Stack) -> None:
    graph = stack.graph
    tenant = stack.add("second")
    users, groups = graph.ids("users"), graph.ids("groups")
    back = [f"users/{users[15]}", f"groups/{groups[20]}"]
    graph.change(*(("delete", path) for path in back))
    stack.backup(tenant)
    before, first = graph.records(), stack.snapshot(tenant)
    assert not before.keys() & set(back)

    changed = some_changes(stack)
    graph.change(*(("restore", path) for path in back))
    job = stack.scheduled(tenant)
    assert job.state is JobState.SUCCEEDED
    after, second = graph.records(), stack.snapshot(tenant)
    assert second.parent == first.snapshot_id
    records = stack.download(tenant)
    same(records, after)
    same(stack.download(tenant, first.snapshot_id), before)

    assert records["users/aaaaaaaa-0000-4000-8000-000000000001"] == LETTERS
    assert records["users/aaaaaaaa-0000-4000-8000-000000000002"] == HALF
    assigned = changed["assigned"]
    assignment = records[f"servicePrincipals/{assigned}/appRoleAssignedTo/as-signed_1"]
    assert assignment == ASSIGNMENT % assigned.encode()
    for group in (changed["deleted group"], changed["purged group"]):
        assert [key for key in before if key.startswith(f"groups/{group}/members/")]
        assert not [key for key in records if key.startswith(f"groups/{group}")]
    for user in (changed["deleted user"], changed["purged user"]):
        assert not [key for key in records if key.startswith(f"users/{user}")]
    assert set(back) <= records.keys()
    written = progress(stack, tenant, job)
    assert written["users"].changed < 20
    assert written["groups"].changed < 20

    stack.backup(tenant, full=True)
    same(stack.download(tenant), after)

    commands = Commands(stack.home, stack.environment)
    compared = partial(compare, commands, first.snapshot_id)
    assert compared(second.snapshot_id) == difference(before, after)
    assert compared("latest") == difference(before, after)
    graph.change(("update", f"users/{users[0]}", {"department": "After"}))
    live = compared("live")
    assert live == compared("latest") == difference(before, graph.records())
    assert stack.snapshot(tenant).parent != second.snapshot_id
    commands.run("compare", "second", second.snapshot_id, "latest", "--exit-code", "--summary", status=3)


def compare(commands: Commands, before: str, after: str) -> dict[str, set[str]]:
    """Return the keys of the records that ``entrakeep compare`` shows, by kind of change."""
    document = json.loads(commands.run("compare", "second", before, after, "--json")[0])
    assert unknown_in(document) == ["termsOfUseAgreements"]
    keys = {change: set(document[change]) for change in ("added", "removed")}
    return {**keys, "changed": {each["key"] for each in document["changed"]}}


def difference(before: dict[str, bytes], after: dict[str, bytes]) -> dict[str, set[str]]:
    """Return the keys that differ between two dictionaries, by kind of change."""
    old, new = set_ones(before), set_ones(after)
    return {
        "added": new.keys() - old.keys(),
        "removed": old.keys() - new.keys(),
        "changed": {key for key in old.keys() & new.keys() if old[key] != new[key]},
    }


def test_objects_without_their_properties_are_requested_by_id(stack: Stack) -> None:
    habits = stack.graph.get("delta")
    stack.graph.post("delta", {"repeat_properties": ["description"]})
    tenant = stack.add("repeated")
    stack.backup(tenant)
    stack.graph.post("delta", habits)
    assert stack.graph.count("/v1.0/groups/{id}", 200) > 0
    same(set_ones(stack.download(tenant)), set_ones(stack.graph.records()))


def test_an_unchanged_directory_causes_next_to_no_requests_and_blobs(stack: Stack) -> None:
    habits = stack.graph.get("delta")
    stack.graph.post("delta", {"replay": 0})
    tenant = stack.add("unchanged")
    stack.backup(tenant)
    stack.backup(tenant)
    blobs, runs = set(stack.blobs(tenant)), stack.catalog_of(tenant).snapshots.runs(stack.snapshot(tenant).snapshot_id)
    stack.graph.post("reset-counters")

    job = stack.backup(tenant)
    stack.graph.post("delta", habits)
    written = progress(stack, tenant, job)
    assert {each.changed for each in written.values()} == {0}
    assert written["servicePrincipals.appRoleAssignedTo"].records > 0
    assert stack.graph.count("/v1.0/(users|groups)/delta") == 4
    new = [stack.context.store.get(name) for name in set(stack.blobs(tenant)) - blobs]
    assert sum(len(blob or b"") for blob in new) < 1_000 * len(STREAMS), "more than a manifest"
    kept = {run.run_id for run in stack.catalog_of(tenant).snapshots.runs(stack.snapshot(tenant).snapshot_id)}
    assert {run.run_id for run in runs} == kept
    same(stack.download(tenant), stack.graph.records())


def test_a_refused_cursor_causes_a_full_read_of_that_stream_only(stack: Stack) -> None:
    tenant = stack.add("refused-cursor")
    stack.backup(tenant)
    before = stack.catalog_of(tenant).snapshots.runs(stack.snapshot(tenant).snapshot_id)
    stack.graph.fault({**refusing("/users/delta", 410, query="deltatoken"), "times": 1})
    job = stack.backup(tenant)
    written = progress(stack, tenant, job)
    assert written["users"].records >= 290
    assert written["groups"].records < 10
    runs = stack.catalog_of(tenant).snapshots.runs(stack.snapshot(tenant).snapshot_id)
    assert {run.job_id for run in runs if run.stream == "users"} == {job.job_id}
    assert all(run in runs for run in before if run.stream == "groups")
    same(stack.download(tenant), stack.graph.records())


def test_a_backup_completes_although_its_cursors_expired(stack: Stack) -> None:
    tenant = stack.add("expired-cursors")
    stack.backup(tenant)
    stack.graph.change(("delete", f"users/{stack.graph.ids('users')[50]}"))
    stack.graph.post("clock", {"advance_days": 8})
    job = stack.backup(tenant)
    assert stack.graph.count("/v1.0/(users|groups)/delta", 410) == 2
    assert progress(stack, tenant, job)["groups"].records >= 25
    same(stack.download(tenant), stack.graph.records())


def test_a_resource_that_graph_refuses_keeps_its_records_of_the_previous_snapshot(stack: Stack) -> None:
    tenant = stack.add("refused")
    stack.backup(tenant)
    before = stack.graph.records()
    user, group = stack.graph.ids("users")[60], stack.graph.ids("groups")[12]
    stack.graph.change(
        ("update", f"users/{user}", {"jobTitle": "Unseen"}), ("update", f"groups/{group}", {"description": "Seen"})
    )
    stack.graph.fault(refusing("/users/delta"))
    job = stack.backup(tenant, state=JobState.SUCCEEDED_WITH_WARNINGS)
    assert "users, users.manager" in (job.message or "")
    reports = report(stack.snapshot(tenant))
    for name in ("users", "users.manager"):
        assert (reports[name].answer, reports[name].stale) == (Answer.FORBIDDEN, True)
        assert reports[name].records == sum(key.split("/")[::2] == name.split(".") for key in before)
    assert (reports["groups"].answer, reports["groups"].stale) == (Answer.WHOLE, False)
    assert not stack.snapshot(tenant).complete
    current = stack.graph.records()
    same(stack.download(tenant), {**current, f"users/{user}": before[f"users/{user}"]})

    stack.graph.clear_faults()
    job = stack.backup(tenant)
    assert progress(stack, tenant, job)["users"].records < 10
    same(stack.download(tenant), current)


def test_a_resource_that_was_never_read_is_reported_as_unread_and_not_as_empty(stack: Stack) -> None:
    client = "aaaaaaaa-1111-4111-8111-111111111111"
    app = {"client_id": client, "secret": "of-its-own", "permissions": ["Organization.Read.All", "User.Read.All"]}
    stack.graph.post("apps", app)
    tenant = stack.add("unread", client, "of-its-own")
    stack.backup(tenant, state=JobState.SUCCEEDED_WITH_WARNINGS)
    reports = report(stack.snapshot(tenant))
    for name in ("groups", "groups.members", "groups.owners", "conditionalAccessPolicies"):
        assert (reports[name].answer, reports[name].records, reports[name].stale) == (Answer.FORBIDDEN, None, False)
    readable = ("users/", "organization/")
    current = {key: value for key, value in stack.graph.records().items() if key.startswith(readable)}
    same(stack.download(tenant), current)

    stack.graph.post("apps", {**app, "permissions": []})
    job = stack.backup(tenant, state=JobState.FAILED)
    assert job.code is Code.GRAPH_FORBIDDEN
    assert len(stack.catalog_of(tenant).snapshots.all()) == 1
    same(stack.download(tenant), current)


def test_requests_that_meet_graph_trouble_are_retried(stack: Stack) -> None:
    tenant = stack.add("troubled")
    stack.graph.fault(
        {"match": {"path": "/users/delta"}, "times": 1, "what": "drop"},
        {"match": {"path": "/groups/delta"}, "skip": 1, "times": 1, "what": "truncate"},
        {"match": {"path": "/organization"}, "what": "garbage"},
        {**refusing("/policies", 429), "times": 1, "headers": {"Retry-After": "0.2"}},
        {**refusing("/users/delta", 503), "skip": 2, "times": 1, "headers": {"Retry-After": "0"}},
    )
    stack.backup(tenant)
    assert [fault["fired"] for fault in stack.graph.get("faults")] == [1, 1, 1, 1, 1]
    same(stack.download(tenant), stack.graph.records())


def test_a_secret_that_graph_refuses_fails_the_job_and_no_snapshot_appears(stack: Stack) -> None:
    client = "bbbbbbbb-1111-4111-8111-111111111111"
    app = {"client_id": client, "secret": "the-first", "permissions": ["Directory.Read.All", "Policy.Read.All"]}
    stack.graph.post("apps", app)
    tenant = stack.add("expired-secret", client, "the-first")
    stack.graph.post("apps", {**app, "secret": "the-second"})
    job = stack.backup(tenant, state=JobState.FAILED)
    assert job.code is Code.GRAPH_SIGN_IN_FAILED
    with pytest.raises(Refuse) as refused:
        stack.download(tenant)
    assert refused.value.code is Code.NO_SUCH_SNAPSHOT
    assert json.dumps(job.message).isascii()


def test_records_of_an_object_deleted_during_the_backup_are_omitted_with_it(stack: Stack) -> None:
    """Owners are not read at the same time as applications. Owners of an application deleted in between are omitted."""
    tenant = stack.add("gone-meanwhile")
    owned = [one for one in stack.graph.ids("applications") if stack.graph.values(f"applications/{one}/owners")]
    stack.graph.fault({"match": {"path": "/applications/delta"}, "times": 1, "what": "slow", "seconds": 3})
    job = stack.ask(tenant)
    until(lambda: stack.graph.get("faults")[0]["fired"], "the applications are being read")
    until(lambda: first_round_done(stack, tenant, job, "applications.owners"), "the owners have been read")
    stack.graph.change(("delete", f"applications/{owned[0]}"))
    assert stack.ended(job).state is JobState.SUCCEEDED
    stack.graph.clear_faults()
    records = stack.download(tenant)
    assert not [key for key in records if key.startswith(f"applications/{owned[0]}")]
    same(records, stack.graph.records())
    counted = report(stack.snapshot(tenant))["applications.owners"].records
    assert counted == sum(key.startswith("applications/") and "/owners/" in key for key in records)


def first_round_done(stack: Stack, tenant: Tenant, job: Job, name: str) -> bool:
    """Return whether the first round of a stream has been read."""
    return any(step.name == name and step.answer for step in stack.catalog_of(tenant).jobs.steps(job.job_id))
