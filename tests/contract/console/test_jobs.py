"""Pages of jobs: lists with filters, one job in each state, and what may be asked of jobs."""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from shared.domain.access import Grant, Role
from shared.domain.errors import Answer, Code
from shared.domain.jobs import JobKind, JobState, KeyChangeProgress, Origin, steps_of
from shared.domain.model import Schedule
from shared.ports.catalog.tenant import TenantCatalog
from tests.contract.catalog.world import NOW, OTHER_ARN, REVOKED
from tests.contract.console.served import Browser, Console, served_console


@pytest.fixture(scope="module", autouse=True)
def _other(console: Console) -> None:
    console.world.add("other")


@pytest.fixture
def acme(console: Console, request: pytest.FixtureRequest) -> TenantCatalog:
    """Return a tenant of the test's own."""
    return console.world.add(re.sub(r"[^a-z0-9]+", "-", request.node.name)[-40:].strip("-"))


def name_of(tenant: TenantCatalog) -> str:
    return tenant.tenant().name


def address(tenant: TenantCatalog, job_id: str) -> str:
    return f"/t/{name_of(tenant)}/jobs/{job_id}"


def shown_ids(browser: Browser, path: str, **query: str) -> list[str]:
    """Return the ids of the jobs in a list, in order."""
    answer = browser.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return re.findall(r'/jobs/([0-9a-f-]{36})"', answer.text)


def test_a_list_shows_the_jobs_that_pass_its_filter(console: Console, acme: TenantCatalog) -> None:
    backup = acme.jobs.request(JobKind.BACKUP, origin=Origin.SCHEDULE)[0].job_id
    verify = acme.jobs.request(JobKind.VERIFY, origin=Origin.HAND)[0].job_id
    acme.jobs.cancel(verify)
    viewer, path = console.as_("viewer", name_of(acme)), f"/t/{name_of(acme)}/jobs"
    assert shown_ids(viewer, path) == [verify, backup]
    assert shown_ids(viewer, path, state="cancelled") == [verify]
    assert shown_ids(viewer, path, kind="backup") == [backup]
    assert shown_ids(viewer, path, by="schedule") == [backup]
    assert shown_ids(viewer, path, by="schedule", kind="verify") == []
    assert "No job fits" in viewer.get(path, params={"state": "failed"}).text
    for name in ("state", "kind", "by"):
        assert viewer.get(path, params={name: "<b>"}).status_code == 400


def test_pages_of_a_list_are_linked_and_keep_the_filter(tmp_path: Path) -> None:
    with served_console(tmp_path) as console:
        acme = console.world.add("acme")
        made = [acme.jobs.request(JobKind.VERIFY, origin=Origin.HAND)[0].job_id for _ in range(52)][::-1]
        operator = console.as_("operator")
        for path in ("/t/acme/jobs", "/jobs"):
            first = operator.get(path, params={"kind": "verify"}).text
            assert len(set(re.findall(r'/jobs/([0-9a-f-]{36})"', first))) == 50
            (following,) = re.findall(r'href="([^"]+)" rel="next"', first)
            assert "kind=verify" in following
            second = operator.get(following.replace("&amp;", "&")).text
            assert re.findall(r'/jobs/([0-9a-f-]{36})"', second) == made[50:]
            assert 'rel="next"' not in second
        assert "No more jobs" in operator.get("/jobs", params={"after": "none"}).text


def test_only_operators_see_the_jobs_of_all_tenants(console: Console, acme: TenantCatalog) -> None:
    job = acme.jobs.request(JobKind.VERIFY, origin=Origin.HAND)[0].job_id
    assert job in shown_ids(console.as_("operator"), "/jobs")
    assert console.as_("admin", name_of(acme)).get("/jobs").status_code == 403


def test_an_empty_list_offers_a_backup_to_those_who_may_ask_for_one(console: Console, acme: TenantCatalog) -> None:
    path = f"/t/{name_of(acme)}/jobs"
    assert "No job yet" in console.as_("viewer", name_of(acme)).get(path).text
    assert "Back up now" not in console.as_("viewer", name_of(acme)).get(path).text
    assert "Back up now" in console.as_("admin", name_of(acme)).get(path).text


def test_a_queued_job_says_that_the_stack_does_not_run(console: Console, acme: TenantCatalog) -> None:
    job = (
        console.world.catalog.as_actor("person:ana")
        .tenant(acme.tenant_id)
        .jobs.request(JobKind.BACKUP, origin=Origin.HAND)[0]
    )
    text = console.as_("viewer", name_of(acme)).get(address(acme, job.job_id)).text
    assert "STACK_NOT_RUNNING" in text
    assert "Waits for its turn." in text
    assert "person:ana" in text
    assert f"entrakeep jobs cancel {job.job_id}" in text
    assert f'hx-sse:connect="/live/jobs/{job.job_id}"' in text
    assert '<noscript><meta http-equiv="refresh" content="5"></noscript>' in text


def test_a_failed_job_says_why_and_who_must_act(console: Console, acme: TenantCatalog) -> None:
    job = console.world.planned(acme, steps_of(JobKind.BACKUP))
    acme.claims.fail(console.world.claim(acme, job, "users"), Code.STORE_FULL, "The disk <full>.")
    text = console.as_("restorer", name_of(acme)).get(address(acme, job.job_id)).text
    assert "The disk &lt;full&gt;." in text
    assert "Who must act: the operator" in text
    assert ">Retry<" in text.replace("</svg>", ">")
    assert "live" not in text.partition("<main")[2].partition("aria-live")[0]
    assert ">Retry<" not in console.as_("viewer", name_of(acme)).get(address(acme, job.job_id)).text.replace(
        "</svg>", ">"
    )


def test_steps_are_shown_as_a_table_and_only_what_failed(tmp_path: Path) -> None:
    with served_console(tmp_path, flower_url="http://localhost:5555/") as console:
        acme = console.world.add("acme")
        job = console.world.planned(acme, steps_of(JobKind.BACKUP))
        for stream, answer in (("groups", Answer.WHOLE), ("applications", Answer.FORBIDDEN)):
            acme.claims.finish(console.world.claim(acme, job, stream), answer=answer)
        path, operator = address(acme, job.job_id), console.as_("operator")
        table = operator.get(path, params={"view": "steps"}).text
        assert table.count("http://localhost:5555/task/") == 2
        assert all(name in table for name in ("second round", "compact", "commit"))
        assert "localhost:5555" not in console.as_("admin", "acme").get(path, params={"view": "steps"}).text
        failed = operator.get(path, params={"view": "trouble"}).text
        assert ">applications<" in failed
        assert ">groups<" not in failed


def test_a_resource_that_was_not_read_whole_comes_with_what_to_do(console: Console, acme: TenantCatalog) -> None:
    job = console.world.planned(acme, steps_of(JobKind.BACKUP))
    for stream, answer in (("conditionalAccessPolicies", Answer.FORBIDDEN), ("organization", Answer.WHOLE)):
        acme.claims.finish(console.world.claim(acme, job, stream), answer=answer)
    acme.claims.fail(console.world.claim(acme, job, "users"), Code.STORE_FULL, "Full.")
    text = console.as_("viewer", name_of(acme)).get(address(acme, job.job_id)).text
    report = text.partition("Not read whole")[2].partition("About this job")[0]
    assert "Policy.Read" in report
    assert "organization" not in report


def test_a_job_of_another_tenant_is_answered_like_an_unknown_one(console: Console, acme: TenantCatalog) -> None:
    other = console.world.catalog.tenant(console.world.catalog.find("other").tenant_id)
    job = other.jobs.request(JobKind.VERIFY, origin=Origin.HAND)[0].job_id
    admin = console.as_("admin", name_of(acme))
    unknown = "00000000-0000-4000-8000-000000000000"
    for method, rest in (("GET", ""), ("POST", "/cancel"), ("POST", "/retry")):
        answers = [admin.request(method, address(acme, each) + rest) for each in (job, unknown)]
        assert [each.status_code for each in answers] == [404, 404]
        texts = [
            re.sub(r'nonce="[^"]+"', "", each.text).replace(key, "")
            for each, key in zip(answers, (job, unknown), strict=True)
        ]
        assert texts[0] == texts[1]
    assert admin.get(f"/t/other/jobs/{job}").status_code == 404
    assert other.jobs.get(job).state is JobState.QUEUED


def test_two_who_ask_for_a_backup_at_once_come_to_one_job(console: Console, acme: TenantCatalog) -> None:
    browsers = [console.as_(role, name_of(acme)) for role in ("admin", "restorer", "admin", "restorer")]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda browser: browser.post(f"/t/{name_of(acme)}/backup"), browsers))
    assert {each.status_code for each in answers} == {303}
    places = {each.headers["location"].partition("?")[0] for each in answers}
    (job,) = acme.jobs.recent()
    assert places == {address(acme, job.job_id)}
    noted = [each for each in answers if each.headers["location"].endswith("?existing=yes")]
    assert len(noted) == 3
    assert "no second one was made" in browsers[0].get(noted[0].headers["location"]).text


def test_a_verify_that_is_unfinished_is_shown_instead_of_a_second_one(console: Console, acme: TenantCatalog) -> None:
    admin, path = console.as_("admin", name_of(acme)), f"/t/{name_of(acme)}/verify"
    first = admin.post(path, data={"shallow": "yes"}).headers["location"]
    assert admin.post(path).headers["location"] == f"{first}?existing=yes"
    assert len(acme.jobs.recent()) == 1


def test_cancelling_is_noted_with_the_person_who_did_it(console: Console, acme: TenantCatalog) -> None:
    admin = console.with_grants(Grant(role=Role.ADMIN, tenant_id=acme.tenant_id), handle="eve")
    place = admin.post(f"/t/{name_of(acme)}/backup").headers["location"]
    assert admin.post(f"{place}/cancel").headers["location"] == place
    text = admin.get(place).text
    assert "Cancelled before it began." in text
    assert text.count("<strong><bdi>person:eve</bdi></strong>") == 2
    assert admin.post(f"{place}/cancel").status_code == 303, "an ended job stays as it is"


def test_a_running_job_that_is_being_cancelled_says_so(console: Console, acme: TenantCatalog) -> None:
    job = acme.jobs.request(JobKind.BACKUP, origin=Origin.SCHEDULE)[0]
    console.world.scheduler.offer_steps(job, steps_of(JobKind.BACKUP))
    console.world.claim(acme, job, "users")
    admin, path = console.as_("admin", name_of(acme)), address(acme, job.job_id)
    assert f'action="{path}/cancel"' in admin.get(path).text
    admin.post(f"{path}/cancel")
    text = admin.get(path).text
    assert "Cancellation was requested" in text
    assert f'action="{path}/cancel"' not in text
    assert "by the schedule" in text


def test_a_job_is_retried_as_a_new_one(console: Console, acme: TenantCatalog) -> None:
    admin = console.as_("admin", name_of(acme))
    place = admin.post(f"/t/{name_of(acme)}/backup").headers["location"]
    busy = admin.post(f"{place}/retry")
    assert (busy.status_code, "BUSY" in busy.text) == (409, True)
    admin.post(f"{place}/cancel")
    retried = admin.post(f"{place}/retry").headers["location"]
    assert retried != place
    assert admin.post(f"{place}/retry").headers["location"] == f"{retried}?existing=yes"


@pytest.mark.parametrize(
    ("role", "confirmed", "status"),
    [("admin", True, 403), ("operator", True, 403), ("keys", False, 403), ("keys", True, 303)],
)
def test_retrying_a_key_change_takes_the_role_and_the_confirmation_of_one(
    console: Console, role: str, confirmed: bool, status: int
) -> None:
    acme = console.world.add(f"retry-{role}-{'yes' if confirmed else 'no'}")
    acme.customer_keys.allow()
    detail = KeyChangeProgress(arn=OTHER_ARN)
    job = acme.jobs.request(JobKind.KEY_ENABLE, origin=Origin.HAND, detail=detail)[0]
    acme.jobs.cancel(job.job_id)
    browser = console.as_(role, None if role == "operator" else name_of(acme), confirmed=confirmed)
    assert browser.post(f"{address(acme, job.job_id)}/retry").status_code == status
    assert len(acme.jobs.recent()) == (2 if status == 303 else 1)


def test_a_refused_key_disables_what_needs_it_and_says_why(tmp_path: Path) -> None:
    with served_console(tmp_path) as console:
        acme = console.world.add("acme")
        job = console.world.planned(acme)
        acme.claims.fail(console.world.claim(acme, job, "users"), Code.KEY_ACCESS_REVOKED, "Disabled.")
        acme.schedules.set(Schedule(cron="0 * * * *", timezone="UTC", paused=False, next_due=NOW))
        for _ in range(2):  # a second probe confirms the first
            console.world.probed(acme, REVOKED)
        admin = console.as_("admin", "acme")
        for path in ("/t/acme/jobs", address(acme, job.job_id)):
            text = admin.get(path).text
            assert re.search(r'id="held">KMS refuses the key</span> ?<button type="submit" disabled', text)
        assert "Backups are held" in admin.get("/t/acme/schedule").text


def test_viewers_ask_for_nothing(console: Console, acme: TenantCatalog) -> None:
    job = acme.jobs.request(JobKind.BACKUP, origin=Origin.HAND)[0]
    viewer = console.as_("viewer", name_of(acme))
    for rest in ("/backup", "/verify", f"/jobs/{job.job_id}/cancel", f"/jobs/{job.job_id}/retry"):
        assert viewer.post(f"/t/{name_of(acme)}{rest}").status_code == 403
    assert [(each.job_id, each.state) for each in acme.jobs.recent()] == [(job.job_id, JobState.QUEUED)]


def test_text_from_elsewhere_cannot_break_a_page(console: Console, acme: TenantCatalog) -> None:
    job = console.world.planned(acme)
    acme.claims.fail(
        console.world.claim(acme, job, "users"), Code.STORE_FULL, '"><script>alert(1)</script>\u202e{{7*7}}'
    )
    for path in (address(acme, job.job_id), f"/t/{name_of(acme)}/jobs"):
        text = console.as_("viewer", name_of(acme)).get(path).text
        assert "<script>alert" not in text
        assert "{{7*7}}" in text
