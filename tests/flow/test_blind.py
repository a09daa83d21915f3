"""Blind at rest: canaries pass through every code path, failures and kills included.

Then all stored data are searched for them.
"""

import base64
import signal
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from shared.domain.errors import Code
from shared.domain.jobs import JobKind, JobState
from shared.domain.model import CredentialKind, Tenant
from shared.domain.resources import Reading
from shared.domain.secret import Secret
from shared.engine.snapshots.foreground import run_foreground
from shared.engine.tenants.onboarding import add_tenant
from shared.ports.directory import Identity
from tests.canaries import files, flower_pages, forms, matches, monitor, redis_content
from tests.contract.graph.certificates import certificate
from tests.flow.shell import Shell, write_private
from tests.flow.stack import Stack, running_stack, until
from tests.parts import POLICIES, GraphSimulator
from tests.tables import small

pytestmark = pytest.mark.flow

NAME, DESCRIPTION, ANSWER = "Canary-Walter-51c08d2e77", "canary-purpose-0b7e4419aa", "canary-answer-e2c95a6f30"
NOTE, POLICY, ROLE = "canary-note-77d0a1c4e8", "canary-policy-1f9b62e05d", "canary-role-b84c3e9f16"
CLIENT, SECRET, WRONG = "cccccccc-1111-4111-8111-111111111111", "canary-secret-94d1f6b8c3", "canary-wrong-6a20f7d15e"
CERTIFIED, TYPED = "dddddddd-1111-4111-8111-111111111111", "canary-typed-5d02b9e7fa"
DEFECT = "canary-defect-3c18e5b7d2"
BEARER = base64.b64encode(b'{"typ": "JWT"')[:12].decode()
"""The prefix of every token of the simulator."""
PERMISSIONS = ["Directory.Read.All", "Policy.Read.All"]
APP = {"client_id": CLIENT, "secret": SECRET, "permissions": PERMISSIONS}


def test_the_search_finds_a_canary_in_every_form() -> None:
    for before in range(3):
        assert any(form in base64.b64encode(b"x" * before + NAME.encode() + b"yz") for form in forms(NAME))
    assert any(form in f'"{NAME}"'.encode("utf-16-le") for form in forms(NAME))


def cursors(stack: Stack, tenant: Tenant) -> list[str]:
    """Return the tokens in the cursors of the newest snapshot."""
    with run_foreground(stack.context, tenant, JobKind.BROWSE, "latest") as (_, reader):
        links = [state.cursor for state in reader.streams if state.cursor]
    return [link.partition("deltatoken=")[2] for link in links]


def put_canaries(graph: GraphSimulator) -> dict[str, str]:
    """Put one canary into an object of every kind. Return the canary of each key."""
    user, group, application = graph.ids("users")[3], graph.ids("groups")[2], graph.ids("applications")[1]
    policy, principal = graph.ids(POLICIES)[0], graph.ids("servicePrincipals")[0]
    assignment = {"id": "one", "resourceId": principal, "principalId": user, "principalDisplayName": ROLE}
    graph.change(
        ("update", f"users/{user}", {"displayName": NAME, "surname": NAME}),
        ("update", f"groups/{group}", {"description": DESCRIPTION}),
        ("update", f"applications/{application}", {"notes": NOTE}),
        ("update", f"{POLICIES}/{policy}", {"displayName": POLICY}),
        ("create", f"servicePrincipals/{principal}/appRoleAssignedTo", assignment),
    )
    return {
        f"users/{user}": NAME,
        f"groups/{group}": DESCRIPTION,
        f"applications/{application}": NOTE,
        f"conditionalAccessPolicies/{policy}": POLICY,
        f"servicePrincipals/{principal}/appRoleAssignedTo/one": ROLE,
    }


def add_certified_tenant(stack: Stack) -> tuple[Tenant, str]:
    """Connect a tenant of another directory that signs in by a certificate.

    Return it with a line of its private key.
    """
    public, pem = certificate()
    directory = stack.graph.add_directory(objects=20)
    with closing(stack.graph.directory(directory)) as other:
        other.post("apps", {"client_id": CERTIFIED, "certificate": public, "permissions": PERMISSIONS})
    secret, kind = Secret(pem.encode()), CredentialKind.CERTIFICATE
    identity = Identity(directory_id=directory, client_id=CERTIFIED, secret=secret, kind=kind)
    return add_tenant(stack.context, "certified", identity, choice=small()).tenant, pem.splitlines()[5]


def run_commands(stack: Stack, desk: Path) -> None:
    """Run commands to their end, and interrupt or kill some of them."""
    desk.mkdir()
    write_private(desk / "wrong", TYPED)
    shell = Shell(desk, stack.environment)
    shell.refused("tenant", "update", "blind", "--client-secret-file", "wrong", code="GRAPH_SIGN_IN_FAILED", status=1)
    (desk / "wrong").unlink()
    assert NAME.encode() in shell.run("browse", "blind", "latest", "--search", NAME)[0]
    shell.run("download", "blind", "latest", "-o", "asked-for.jsonl")
    assert NAME.encode() in (desk / "asked-for.jsonl").read_bytes()
    (desk / "asked-for.jsonl").unlink()
    for number in (signal.SIGTERM, signal.SIGKILL):
        process = shell.start("download", "blind", "latest", "-o", "-")
        assert process.stdout is not None
        assert process.stdout.read(1)  # it now waits for its reader
        process.send_signal(number)
        process.communicate(timeout=30)
    assert list(desk.iterdir()) == []


def cause_failures(stack: Stack, tenant: Tenant) -> None:
    """Cause wrong answers, a wrong secret, and a defect in a library."""
    graph = stack.graph
    body = {"error": {"code": "Request_BadRequest", "message": f"Wrong: {ANSWER} of {NAME}"}}
    graph.fault(
        {"match": {"path": "/users/delta"}, "times": 9, "what": "status", "status": 400, "body": body},
        {"match": {"path": "/groups/delta"}, "what": "garbage", "body": f'{{"value":[{{"{ANSWER}'},
    )
    stack.backup(tenant, state=JobState.SUCCEEDED_WITH_WARNINGS)
    graph.clear_faults()
    graph.post("apps", {**APP, "secret": WRONG})
    graph.fault({"match": {"path": "/v1.0/"}, "what": "status", "status": 401})  # ends the current token
    assert stack.backup(tenant, state=JobState.FAILED).code is Code.GRAPH_SIGN_IN_FAILED
    graph.post("apps", APP)


def run_with_a_defect(stack: Stack, tenant: Tenant) -> None:
    """Run a worker whose steps end with an unexpected exception."""
    stack.terminate("worker")
    stack.start("worker", application="tests.flow.failing_worker", environment={"ENTRAKEEP_TEST_DEFECT": DEFECT})
    stack.ask(tenant)
    until(lambda: b"unexpected LookupError" in (stack.home / "worker.log").read_bytes(), "a step meets a defect")
    tasks = f"http://127.0.0.1:{stack.flower_port}/api/tasks?limit=10000"
    until(lambda: b"StepFailed('UNEXPECTED')" in httpx.get(tasks, trust_env=False).content, "Flower was told of it")
    stack.terminate("worker")
    stack.start("worker")


def kill_while_reading(stack: Stack, tenant: Tenant) -> None:
    """Kill the worker while it has pages in memory."""
    stack.graph.post("delta", {"page_size": 10})
    stack.graph.post("reset-counters")
    stack.graph.fault({"match": {"path": "/delta", "query": "skiptoken"}, "skip": 2, "what": "slow", "seconds": 600})
    job = stack.ask(tenant, full=True)
    until(lambda: stack.catalog_of(tenant).jobs.get(job.job_id).state is JobState.RUNNING, "the backup runs")
    until(lambda: stack.graph.count("/v1.0/(users|groups)/delta") >= 3, "pages are read")
    stack.kill("worker")


def test_no_private_data_remain_anywhere(tmp_path: Path) -> None:
    store, options = f"file://{tmp_path}/home/store", ("--users", "80", "--groups", "12", "--applications", "9")
    with running_stack(tmp_path, *options, "--policies", "4", store=store) as stack:
        stack.start("beat", "worker")
        stack.start("flower", environment={"FLOWER_UNAUTHENTICATED_API": "true"})
        canaries = put_canaries(stack.graph)
        stack.graph.post("apps", APP)
        with monitor(stack.redis.url) as commands:
            tenant = stack.add("blind", CLIENT, SECRET)
            stack.backup(tenant)
            records = stack.download(tenant)
            for key, canary in canaries.items():
                assert canary.encode() in records[key]
            assert stack.ended(stack.ask(tenant, JobKind.VERIFY)).state is JobState.SUCCEEDED
            by_certificate, private = add_certified_tenant(stack)
            stack.backup(by_certificate)
            run_commands(stack, tmp_path / "desk")
            cause_failures(stack, tenant)
            run_with_a_defect(stack, by_certificate)
            pages = flower_pages(f"http://127.0.0.1:{stack.flower_port}", stack.home / "worker.log")
            kill_while_reading(stack, tenant)
            tokens = cursors(stack, tenant)
            places = {**files(tmp_path), **pages, "Redis now": redis_content(stack.redis.url)}
        places["Redis ever"] = bytes(commands)

    # Prove that the search covers the right files: it finds ids, which may be stored anywhere.
    assert any(tenant.name.encode() in places[page] for page in pages if page.startswith("Flower /task/"))
    assert b"StepFailed('UNEXPECTED')" in places["Flower /api/tasks?limit=10000"]
    for place in (f"{stack.home}/catalog.sqlite3-wal", f"{stack.home}/worker.log", "Redis ever"):
        assert any(form in places[place] for form in forms(tenant.tenant_id)), place
    assert len(tokens) == sum(stream.reading is Reading.DELTA for stream in small().streams())
    secrets = [*canaries.values(), ANSWER, DEFECT, SECRET, WRONG, TYPED, private, BEARER, "skiptoken", *tokens]
    assert matches(secrets, places) == []
