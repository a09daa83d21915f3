"""The API: its documents are those of the command line, its rights those of the token, its errors documents."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from console.web.api.endpoints import ENDPOINTS
from console.web.api.openapi import document
from console.web.api.table import PREFIX, Answer, Endpoint
from console.web.routes import ROUTES
from console.web.visitor import COOKIE
from shared.domain.access import CARRIED, RULES, Action, Grant, Role, may
from shared.domain.audit import INSTALLATION, event_of
from shared.domain.jobs import JobKind, JobState, Origin
from shared.domain.model import Schedule
from shared.engine.access import tokens
from shared.engine.access.people import Asker
from tests.commands import Commands
from tests.contract.catalog.world import NOW, new_id, run
from tests.contract.console.served import Console, served_console

ALL = tuple(sorted(CARRIED))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("api")


@pytest.fixture(scope="module")
def console(folder: Path) -> Iterator[Console]:
    with served_console(folder) as console:
        for name in ("acme", "other"):
            tenant = console.world.add(name)
            tenant.schedules.set(Schedule(cron="0 3 * * *", timezone="UTC", paused=False, next_due=NOW))
            for _ in range(3):
                console.world.backed_up(tenant, run(new_id()))
        yield console


@pytest.fixture(scope="module")
def client(console: Console) -> Iterator[httpx.Client]:
    """Yield a client that says nothing of what browsers say."""
    with httpx.Client(base_url=console.url + PREFIX, timeout=20, trust_env=False) as client:
        yield client


class Program:
    """A program with a token."""

    def __init__(self, client: httpx.Client, text: str) -> None:
        self._client = client
        self._headers = {"authorization": f"Bearer {text}"}

    def __call__(self, method: str, path: str, **values: Any) -> httpx.Response:
        answer = self._client.request(method, path, headers=self._headers, **values)
        assert answer.status_code < 500, answer.text
        return answer

    def get(self, path: str, **query: Any) -> Any:
        answer = self("GET", path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture(scope="module")
def program(console: Console, client: httpx.Client) -> Callable[..., Program]:
    """Return a function that makes a token on the host, and returns a program with it."""

    def make(*actions: str, tenant: str | None = None, **values: Any) -> Program:
        now = datetime.now(UTC)
        made = tokens.make(
            console.world.catalog,
            Asker(actor="ops@host"),
            f"t{new_id()[:8]}",
            tenant,
            actions or ALL,
            now + timedelta(days=1),
            now,
            **values,
        )
        return Program(client, made.text)

    return make


@pytest.fixture(scope="module")
def whole(program: Callable[..., Program]) -> Program:
    """Return a program that may do everything that tokens may."""
    return program()


def problem(answer: httpx.Response, status: int, code: str) -> None:
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert (answer.status_code, body["status"], body["code"]) == (status, status, code), body
    assert body["detail"].endswith(".")
    assert set(body) == {"type", "title", "status", "code", "detail"}


def test_a_request_without_a_whole_token_is_refused_whatever_cookie_it_has(console: Console) -> None:
    browser = console.as_(Role.OPERATOR)
    assert COOKIE in browser.headers["cookie"]
    for header in ({}, {"authorization": "Basic YTpi"}, {"authorization": "Bearer x"}, {"authorization": "Bearer"}):
        answer = browser.get(f"{PREFIX}/tenants", headers=header)
        problem(answer, 401, "NOT_SIGNED_IN")
        assert answer.headers["www-authenticate"] == "Bearer"


def test_an_ended_token_is_refused_from_the_next_request_on(console: Console, program: Callable[..., Program]) -> None:
    caller = program("tenant.see")
    assert caller("GET", "/tenants").status_code == 200
    (token,) = [each for each in console.world.catalog.tokens().all(NOW) if each.actions == (Action.TENANT_SEE,)]
    assert token.used_at is not None
    console.world.catalog.tokens().end(token.token_id)
    problem(caller("GET", "/tenants"), 401, "NOT_SIGNED_IN")


def test_a_token_of_another_network_is_refused(program: Callable[..., Program]) -> None:
    problem(program("tenant.see", networks=["192.0.2.0/24"])("GET", "/tenants"), 403, "NOT_ALLOWED")


def test_unknown_paths_and_methods_are_problems(whole: Program) -> None:
    problem(whole("GET", "/nothing"), 404, "WRONG_USE")
    problem(whole("DELETE", "/tenants"), 405, "WRONG_USE")


def ask(caller: Program, endpoint: Endpoint, tenant: str) -> httpx.Response:
    """Return the answer of the endpoint in this tenant, about objects that do not exist."""
    path = endpoint.path.replace("{name}", tenant)
    return caller(endpoint.method, re.sub(r"\{\w+\}", "00000000-0000-0000-0000-000000000007", path))


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda each: f"{each.method} {each.path}")
def test_an_endpoint_takes_its_action_in_the_tenant_of_the_token(
    console: Console, program: Callable[..., Program], endpoint: Endpoint
) -> None:
    others = [action for action in ALL if action != endpoint.action]
    problem(ask(program(*others), endpoint, "acme"), 403, "NOT_ALLOWED")
    allowed = ask(program(endpoint.action), endpoint, "acme")
    assert allowed.status_code not in (401, 403), allowed.text
    if "{name}" not in endpoint.path:
        return
    foreign = ask(program("tenant.see", tenant="other"), endpoint, "acme")
    unknown = ask(program("tenant.see", tenant="other"), endpoint, "nowhere")
    problem(foreign, 404, "NO_SUCH_TENANT")
    assert foreign.content == unknown.content


@pytest.mark.parametrize("role", Role)
def test_a_token_of_a_person_does_what_the_person_may(
    console: Console, program: Callable[..., Program], role: Role
) -> None:
    acme = console.world.catalog.find("acme").tenant_id
    grant = Grant(role=role, tenant_id=None if role is Role.OPERATOR else acme)
    person = console.world.catalog.people().add(new_id(), f"p{new_id()[:8]}", grants=[grant])
    now = datetime.now(UTC)
    caller = program(person_id=person.person_id)
    for endpoint in ENDPOINTS:
        in_tenant = "{name}" in endpoint.path
        answer = ask(caller, endpoint, "acme")
        listed = endpoint.path == "/tenants"
        expected = listed or may(endpoint.action, [grant], acme if in_tenant else None, now)
        assert (answer.status_code != 403) is expected, f"{role} {endpoint.path}: {answer.text}"


def test_a_list_of_tenants_has_those_of_the_token_alone(console: Console, program: Callable[..., Program]) -> None:
    viewer = Grant(role=Role.VIEWER, tenant_id=console.world.catalog.find("other").tenant_id)
    person = console.world.catalog.people().add(new_id(), f"v{new_id()[:8]}", grants=[viewer])
    for caller in (program("tenant.see", tenant="other"), program("tenant.see", person_id=person.person_id)):
        assert [tenant["tenant"] for tenant in caller.get("/tenants")] == ["other"]
    foreign, unknown = (caller("GET", "/tenants", params={"after": name}) for name in ("acme", "nowhere"))
    problem(foreign, 404, "NO_SUCH_TENANT")
    assert foreign.content == unknown.content


SET_UP = frozenset({"/set-up/directory", "/t/{name}/set-up"})
"""Pages that lead through the set-up: what they do has endpoints of its own, or is a command to type."""
AGES = frozenset({"last_complete_age_seconds", "rpo_seconds", "rpo_target_seconds"})


def without_ages(value: Any) -> Any:
    """Return a document without what changes from second to second."""
    if isinstance(value, dict):
        return {name: without_ages(each) for name, each in value.items() if name not in AGES}
    return [without_ages(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/tenants", ("tenant", "list")),
        ("/tenants/acme", ("tenant", "show", "acme")),
        ("/tenants/acme/snapshots", ("snapshots", "acme")),
        ("/jobs", ("jobs", "list")),
        ("/tenants/acme/jobs", ("jobs", "list", "--tenant", "acme")),
        ("/tenants/acme/jobs/{job}", ("jobs", "show", "{job}")),
        ("/tenants/acme/schedule", ("schedule", "show", "acme")),
        ("/tenants/acme/key", ("key", "show", "acme")),
        ("/tenants/acme/audit", ("audit", "show", "acme")),
        ("/audit", ("audit", "show", "--installation")),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_a_document_is_that_of_the_command_line(
    console: Console, whole: Program, folder: Path, path: str, words: tuple[str, ...]
) -> None:
    job = whole.get("/tenants/acme/jobs")[0]["id"]
    own = whole.get(path.format(job=job), **({"limit": 100} if path.endswith(("audit", "jobs")) else {}))
    shell = Commands(folder, {"ENTRAKEEP_HOME": str(folder)})
    printed = json.loads(shell.run(*(word.format(job=job) for word in words), "--json")[0])
    assert without_ages(own) == without_ages(printed)


def test_a_list_is_read_page_by_page(whole: Program) -> None:
    for path in ("/tenants", "/tenants/acme/jobs", "/tenants/acme/snapshots", "/tenants/acme/audit", "/fleet", "/jobs"):
        everything, pages, after = whole.get(path, limit=200), [], f"{path}?limit=1"
        while after:
            answer = whole("GET", after.removeprefix(PREFIX))
            assert answer.status_code == 200
            pages += answer.json()
            after = answer.links["next"]["url"] if answer.links else ""
            assert len(pages) <= len(everything)
        assert without_ages(pages) == without_ages(everything), path
        assert len(everything) > 1


def test_a_filter_that_does_not_fit_is_refused_with_its_field(whole: Program) -> None:
    for path, query in (
        ("/jobs", {"state": "done"}),
        ("/jobs", {"since": "yesterday"}),
        ("/jobs", {"since": "2026-05-01T00:00:00"}),
        ("/jobs", {"limit": "0"}),
        ("/jobs", {"limit": "x"}),
        ("/jobs", {"color": "red"}),
        ("/fleet", {"state": "fine"}),
        ("/fleet", {"after": "nowhere"}),
        ("/tenants/acme/audit", {"after": "-1"}),
    ):
        problem(whole("GET", path, params=query), 400, "WRONG_USE")
    states = {job["state"] for job in whole.get("/jobs", state=["failed", "queued"])}
    assert states <= {"failed", "queued"}
    assert whole.get("/jobs", state="failed") == []


def test_a_backup_is_asked_for_once_and_cancelled_and_asked_again(console: Console, whole: Program) -> None:
    asked = whole("POST", "/tenants/other/backups", json={"full": True})
    assert asked.status_code == 202
    job = asked.json()["job"]
    assert whole("POST", "/tenants/other/backups").json()["job"] == job
    assert console.world.catalog.find_job(job).full
    problem(whole("POST", f"/tenants/acme/jobs/{job}/cancel"), 404, "NO_SUCH_JOB")
    assert whole("POST", f"/tenants/other/jobs/{job}/cancel").json()["state"] == JobState.CANCELLED
    again = whole("POST", f"/tenants/other/jobs/{job}/retry").json()["job"]
    assert again != job
    events = console.world.catalog.tenant(console.world.catalog.find("other").tenant_id).audit.recent(1)
    assert event_of(events[0]).actor.startswith("token:t")


def test_a_retry_takes_the_action_of_the_jobs_kind(
    console: Console, program: Callable[..., Program], whole: Program
) -> None:
    tenant = console.world.add("retried")
    job, _ = tenant.jobs.request(JobKind.BACKUP, origin=Origin.HAND)
    tenant.jobs.cancel(job.job_id)
    problem(program("tenant.see")("POST", f"/tenants/retried/jobs/{job.job_id}/retry"), 403, "NOT_ALLOWED")
    assert program("tenant.see", "job.retry")("POST", f"/tenants/retried/jobs/{job.job_id}/retry").status_code == 202
    assert whole("POST", "/tenants/retried/verifies", json={"shallow": True}).status_code == 202


def test_a_schedule_is_set_paused_and_resumed(console: Console, whole: Program) -> None:
    console.world.add("scheduled")
    assert whole.get("/tenants/scheduled/schedule") is None
    problem(whole("POST", "/tenants/scheduled/schedule/pause"), 400, "WRONG_USE")
    made = whole("PUT", "/tenants/scheduled/schedule", json={"cron": "0 */6 * * *", "timezone": "Europe/Berlin"})
    assert (made.status_code, made.json()["timezone"]) == (200, "Europe/Berlin")
    assert whole("POST", "/tenants/scheduled/schedule/pause").json()["paused"] is True
    assert whole("POST", "/tenants/scheduled/schedule/resume").json() == whole.get("/tenants/scheduled/schedule")
    for body in ({"cron": "never"}, {"cron": "0 0 30 2 *"}, {"cron": "0 3 * * *", "timezone": "Mars"}, {}, {"cron": 1}):
        problem(whole("PUT", "/tenants/scheduled/schedule", json=body), 400, "WRONG_USE")


def test_a_body_that_is_no_json_or_too_large_is_refused(whole: Program) -> None:
    for content in (b"{", b"[]", b"\xff", b"[" * 60_000, b'{"full": "yes"}', b'{"other": 1}'):
        problem(whole("POST", "/tenants/acme/backups", content=content), 400, "WRONG_USE")
    problem(whole("POST", "/tenants/acme/backups", content=b" " * 70_000), 413, "WRONG_USE")


def test_a_key_is_allowed_checked_and_taken_back(console: Console, whole: Program) -> None:
    console.world.add("keyed")
    assert whole("POST", "/tenants/keyed/key/allow").json()["allowed_since"] is not None
    assert whole("POST", "/tenants/keyed/key/check").status_code == 202
    problem(whole("POST", "/tenants/keyed/key/check", json={"arn": "alias/backup"}), 422, "KEY_INVALID")
    assert whole("POST", "/tenants/keyed/key/take-back").json()["allowed_since"] is None


def test_an_audit_trail_is_verified_and_exported(console: Console, whole: Program) -> None:
    assert whole.get("/tenants/acme/audit/verification")["fault"] is None
    assert whole.get("/audit/verification")["fault"] is None
    lines = whole("GET", "/audit/export").text.splitlines()
    entries = console.world.catalog.tenant(INSTALLATION).audit.entries()
    assert [json.loads(line)["number"] for line in lines] == [entry.number for entry in entries]


def test_every_page_that_a_token_may_see_has_an_endpoint_of_the_same_action() -> None:
    covered = {(page, endpoint.action) for endpoint in ENDPOINTS for page in endpoint.pages}
    paths = {path for path, _ in covered}
    assert paths <= {route.path for route in ROUTES}
    for route in ROUTES:
        if RULES[route.action].token and route.path not in SET_UP:
            assert (route.path, route.action) in covered, (
                f"{route.method} {route.path} ({route.action}) has no endpoint"
            )


def test_an_endpoint_without_an_action_or_with_one_that_no_token_carries_does_not_start() -> None:
    for action in (None, Action.KEY_ENABLE, Action.PEOPLE_GRANT):
        with pytest.raises(TypeError, match="no action"):
            Endpoint(method="GET", path="/x", action=action, handler=lambda _: Answer(), returns=None)  # type: ignore[arg-type]


def test_the_openapi_document_describes_every_endpoint(console: Console) -> None:
    served = console.nobody().get(f"{PREFIX}/openapi.json").json()
    assert served == json.loads(json.dumps(document()))
    described = {(method.upper(), path) for path, methods in served["paths"].items() for method in methods}
    assert described == {(each.method, PREFIX + each.path) for each in ENDPOINTS}
    names = [operation["operationId"] for methods in served["paths"].values() for operation in methods.values()]
    assert len(names) == len(set(names))
    text = json.dumps(served)
    for name in re.findall(r'"#/components/schemas/(\w+)"', text):
        assert name in served["components"]["schemas"]


def test_the_reference_page_names_every_endpoint_and_loads_nothing_from_elsewhere(console: Console) -> None:
    page = console.nobody().get("/api").text
    for endpoint in ENDPOINTS:
        assert f"<code>{endpoint.method} {endpoint.path}</code>" in page
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', page)
