"""The pages of snapshots and of the connection: gaps and their cause, what a snapshot lacks, missing permissions."""

import re
from typing import Any

import pytest

from shared.domain.errors import Answer, Code
from shared.domain.jobs import (
    CheckedPermission,
    Job,
    JobKind,
    JobState,
    Origin,
    TenantChecks,
    VerifyResult,
    steps_of,
)
from shared.domain.model import ResourceReport, Snapshot
from shared.domain.resources import RESOURCES
from shared.ports.catalog.tenant import TenantCatalog
from tests.contract.catalog.fleets import backed_up, now
from tests.contract.catalog.world import ARN, VERIFY, World, snapshot
from tests.contract.console.queries import fetched
from tests.contract.console.served import Console

REPORTS = [
    ResourceReport(resource="users", answer=Answer.WHOLE, records=12, added=1, removed=0, changed=3),
    ResourceReport(resource="groups", answer=Answer.FORBIDDEN, records=None, request_id="request-of-graph"),
    ResourceReport(resource="groups.members", answer=Answer.FAILED, records=7, stale=True),
    ResourceReport(resource="organization", answer=Answer.NOT_FOR_APPLICATIONS, records=0),
    ResourceReport(resource="later", answer=Answer.WHOLE, records=4, stale=True, unknown=True),
]


def incomplete(world: World, tenant: TenantCatalog) -> Snapshot:
    """Commit a snapshot that lacks resources in each way."""
    job, claim = world.to_commit(tenant)
    made = snapshot(job, complete=False, created_at=now(), resources=REPORTS)
    tenant.claims.commit(claim, made, [], JobState.SUCCEEDED_WITH_WARNINGS, None)
    return made


def fail(world: World, tenant: TenantCatalog, code: Code = Code.GRAPH_UNREACHABLE) -> Job:
    """Let a backup fail."""
    job, claim = world.to_commit(tenant)
    tenant.claims.fail(claim, code, "Graph did not answer.")
    return job


def checked(world: World, tenant: TenantCatalog, **values: Any) -> Job:
    """Finish a check of the tenant's applications with this detail, or let it fail."""
    job, _ = tenant.jobs.request(JobKind.TENANT_CHECK, origin=Origin.HAND)
    assert world.scheduler.offer_steps(job, steps_of(JobKind.TENANT_CHECK))
    claim = world.claim(tenant, job, "tenant-check")
    if "detail" in values:
        tenant.claims.finish(claim, **values)
    else:
        tenant.claims.fail(claim, Code.GRAPH_SIGN_IN_FAILED, "The client secret has expired.")
    return job


def permission(resource: str, answer: str, detail: str = "") -> CheckedPermission:
    return CheckedPermission(
        resource=resource, answer=answer, permission=RESOURCES[resource].permission_read, detail=detail
    )


def row_of(text: str, resource: str) -> str:
    """Return the table row of a resource as text without tags."""
    match = re.search(rf'<tr><th scope="row">{re.escape(resource)}</th>(.*?)</tr>', text, re.DOTALL)
    assert match is not None, resource
    return " ".join(re.sub(r"<[^>]+>", " ", match[1]).split())


@pytest.fixture(scope="module")
def acme(console: Console) -> TenantCatalog:
    return console.world.add("acme")


def test_backups_that_made_no_snapshot_are_gaps_with_their_cause(console: Console, acme: TenantCatalog) -> None:
    backed_up(console.world, acme)
    failed = [fail(console.world, acme) for _ in range(3)]
    other = fail(console.world, acme, Code.STORE_FULL)
    backed_up(console.world, acme)
    text = console.as_("viewer", "acme").get("/t/acme/snapshots").text
    gaps = re.findall(r'<tr class="gap">.*?</tr>', text, re.DOTALL)
    assert len(gaps) == 2
    assert Code.STORE_FULL in gaps[0]
    assert other.job_id in gaps[0]
    assert "3 backups in a row" in gaps[1]
    assert "GRAPH_UNREACHABLE: Graph did not answer." in gaps[1]
    assert failed[-1].job_id in gaps[1]
    assert re.search(r'aria-label="The last 30 days: 2 snapshots, 4 backups that made none"', text)


def test_a_tenant_without_snapshots_says_what_will_be_shown(console: Console) -> None:
    console.world.add("empty")
    assert "Each backup makes one snapshot" in console.as_("operator").get("/t/empty/snapshots").text
    assert 'action="/t/empty/backup"' not in console.as_("auditor", "empty").get("/t/empty/snapshots").text


def test_snapshots_are_paged_and_a_page_shows_only_its_own_gaps(console: Console) -> None:
    tenant = console.world.add("paged")
    first = fail(console.world, tenant)
    backed_up(console.world, tenant)
    between = fail(console.world, tenant)
    for _ in range(50):
        backed_up(console.world, tenant)
    last = fail(console.world, tenant)
    browser = console.as_("viewer", "paged")
    text = browser.get("/t/paged/snapshots").text
    assert last.job_id in text
    assert between.job_id in text, "it stands before the first snapshot of the next page"
    assert first.job_id not in text
    following = re.search(r'href="(/t/paged/snapshots\?after=[^"]+)"', text)
    assert following is not None
    second = fetched(browser, following[1])
    assert second.count('class="nowrap"><a href="/t/paged/s/') == 1
    assert first.job_id in second
    assert last.job_id not in second
    assert between.job_id not in second
    assert browser.get("/t/paged/snapshots?after=nothing").status_code == 404


def test_a_snapshot_names_the_permission_beside_what_was_forbidden(console: Console) -> None:
    tenant = console.world.add("lacking")
    made = incomplete(console.world, tenant)
    text = console.as_("admin", "lacking").get(f"/t/lacking/s/{made.snapshot_id}").text
    forbidden = row_of(text, "groups")
    assert f"Grant {RESOURCES['groups'].permission_read} to the application" in forbidden
    assert "request-of-graph" in forbidden
    assert "Check" in forbidden
    assert "stale" in row_of(text, "groups.members")
    assert "the next backup tries again" in row_of(text, "groups.members")
    assert "signed-in people only" in row_of(text, "organization")
    assert "update Entrakeep" in row_of(text, "later")
    assert "3 resources are not read whole" in text
    only = console.as_("viewer", "lacking").get(f"/t/lacking/s/{made.snapshot_id}?only=lacking").text
    assert '<th scope="row">users</th>' not in only
    assert '<th scope="row">groups</th>' in only


def test_a_snapshot_leads_to_its_neighbours_and_says_when_it_was_verified(console: Console) -> None:
    console.world.add("stranger")
    tenant = console.world.add("verified")
    older, middle, newer = (backed_up(console.world, tenant)[1].snapshot_id for _ in range(3))
    browser = console.as_("operator")
    text = browser.get(f"/t/verified/s/{middle}").text
    assert f'href="/t/verified/s/{older}" data-key="older"' in text
    assert f'href="/t/verified/s/{newer}" data-key="newer"' in text
    assert "not since it was taken" in text
    job, _ = tenant.jobs.request(JobKind.VERIFY, origin=Origin.HAND)
    assert console.world.scheduler.offer_steps(job, VERIFY)
    detail = VerifyResult(snapshots=3, blobs=9, damaged=[], shallow=False)
    tenant.claims.finish(console.world.claim(tenant, job, "verify"), detail=detail)
    assert "intact" in browser.get(f"/t/verified/s/{middle}").text
    assert browser.get("/t/verified/s/nothing").status_code == 404
    assert console.as_("viewer", "stranger").get(f"/t/stranger/s/{middle}").status_code == 404, "of another tenant"


def test_a_check_is_asked_of_a_worker_once_and_shown_when_it_ends(console: Console) -> None:
    tenant = console.world.add("checked")
    browser = console.as_("operator")
    path = "/t/checked/settings/connection"
    assert "Not checked yet" in browser.get(path).text
    for _ in range(2):
        assert browser.post(f"{path}/check").headers["location"] == path
    (job,) = tenant.jobs.recent()
    assert job.kind is JobKind.TENANT_CHECK
    running = fetched(browser, path)
    assert "every 2s" in running
    assert job.job_id in running
    assert console.world.scheduler.offer_steps(job, steps_of(JobKind.TENANT_CHECK))
    reading = [permission("users", "whole"), permission("groups", "forbidden", "Grant Group.Read.All.")]
    writing = [permission("users", "partly", "Assign a role too."), permission("groups", "administrator")]
    claim = console.world.claim(tenant, job, "tenant-check")
    tenant.claims.finish(claim, detail=TenantChecks(reading=reading, writing=writing))
    text = browser.get(path).text
    assert "1 permission missing" in text
    assert (
        row_of(text, "groups") == f"forbidden {RESOURCES['groups'].permission_read} people only Grant Group.Read.All."
    )
    assert "partly" in row_of(text, "users")
    assert "every 15s" in text


def test_the_connection_names_what_backups_leave_out(console: Console) -> None:
    tenant = console.world.add("choosy")
    browser = console.as_("operator")
    path = "/t/choosy/settings/connection"
    before = browser.get(path).text
    tenant.choose(without=["groups"])
    after = browser.get(path).text
    assert "resources, without groups" in after
    assert "resources, without" not in before


def test_a_check_that_fails_says_who_must_act(console: Console) -> None:
    tenant = console.world.add("failing")
    checked(console.world, tenant)
    text = console.as_("operator").get("/t/failing/settings/connection").text
    assert Code.GRAPH_SIGN_IN_FAILED in text
    assert "the tenant&#39;s administrator" in text


def test_while_the_key_is_revoked_pages_say_why_buttons_rest(console: Console) -> None:
    tenant = console.world.add("revoked")
    _, made = backed_up(console.world, tenant)
    tenant.keys.refuse(ARN, "Disabled.")
    browser = console.as_("operator")
    for path in ("snapshots", f"s/{made.snapshot_id}", "settings/connection"):
        answer = browser.get(f"/t/revoked/{path}")
        assert answer.status_code == 200
        assert "which is revoked" in answer.text
        assert re.search(r'<button type="submit"[^>]* disabled', answer.text), path


def test_the_connection_fills_in_the_command_for_a_new_credential(console: Console) -> None:
    console.world.add("typed")
    browser = console.as_("admin", "typed")
    text = browser.get("/t/typed/settings/connection").text
    assert "entrakeep tenant update typed --client-secret-file FILE" in text
    fields = {"use": "restores", "client_id": "abc", "credential": "certificate", "file": "my file.pem"}
    text = browser.get("/t/typed/settings/connection", params=fields).text
    line = "entrakeep tenant update typed --restore-client-id abc --restore-certificate &#39;my file.pem&#39;"
    assert line in text
    assert "Credentials are never typed" not in console.as_("viewer", "typed").get("/t/typed/settings/connection").text
