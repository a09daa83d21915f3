"""The command line as people and scripts meet it: a process, its two outputs and its exit status."""

import json
import os
import re
import signal
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.domain.audit import INSTALLATION, Action, event_of
from tests.flow.shell import Shell, write_private
from tests.flow.stack import Stack, running_stack, until
from tests.parts import CLIENT, DIRECTORY, SECRET

pytestmark = pytest.mark.flow

GUID = "11111111-1111-1111-1111-111111111111"
ARN = "arn:aws:kms:eu-central-1:111122223333:key/0f3e5a3c-7c1e-4a3d-9a44-000000000001"


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """No stack, no KMS, no Graph: SQL alone."""
    write_private(tmp_path / "secret", SECRET)
    return Shell(tmp_path, {"ENTRAKEEP_HOME": str(tmp_path / "home")})


ADD = ("tenant", "add", "contoso", "--directory-id", GUID, "--client-id", GUID, "--client-secret-file")


@pytest.mark.parametrize(
    "words",
    [
        ("nonsense",),
        ("tenant",),
        ("up", "--nonsense"),
        ("tenant", "add", "Contoso"),
        ("tenant", "add", "contoso", "--directory-id", "1"),
        (*ADD, "absent"),
        ("tenant", "update", "contoso"),
        ("tenant", "update", "contoso", "--client-secret-file", "secret", "--certificate", "secret"),
        ("tenant", "show", "con toso"),
        ("tenant", "list", "contoso"),
        ("tenant", "remove", "contoso"),
        ("resources", "users"),
        ("completion", "cmd"),
        ("backup", "a" * 41),
        ("jobs", "list", "--tenant", "Ä"),
        ("jobs", "show"),
        ("jobs", "list", "--state", "done"),
        ("jobs", "list", "--since", "yesterday"),
        ("jobs", "list", "--tenant", "contoso", "--all-tenants"),
        ("jobs", "cancel"),
        ("jobs", "retry"),
        ("snapshots", ""),
        ("browse", "contoso"),
        ("browse", "contoso", "latest", "--resource", "devices"),
        ("download", "contoso", "latest"),
        ("download", "contoso", "latest", "-o", "f", "--format", "zip"),
        ("verify", "contoso", "latest", "more"),
        ("schedule", "set", "contoso"),
        ("schedule", "show"),
        ("schedule", "pause"),
        ("schedule", "resume"),
        ("key", "show"),
        ("key", "check"),
        ("key", "allow"),
        ("key", "policy"),
        ("key", "enable", "contoso"),
        ("key", "enable", "contoso", "--arn", ARN),
        ("key", "update", "contoso"),
        ("audit", "show"),
        ("audit", "show", "contoso", "--limit", "0"),
        ("audit", "verify", "Contoso"),
        ("audit", "export", "contoso"),
        ("audit", "export", "contoso", "-o", ""),
        ("catalog", "migrate", "--grant"),
        ("catalog", "rebuild", "more"),
        ("demo", "--nonsense"),
    ],
    ids=" ".join,
)
def test_wrong_use_is_one_sentence_and_status_2(shell: Shell, words: tuple[str, ...]) -> None:
    said = shell.refused(*words, code="WRONG_USE", status=2)
    if words == ("tenant", "remove", "contoso"):
        assert "--yes" in said


@pytest.mark.parametrize(
    ("words", "code", "status"),
    [
        (("backup", "contoso"), "NO_SUCH_TENANT", 1),
        (("tenant", "show", "contoso"), "NO_SUCH_TENANT", 1),
        (("snapshots", "contoso"), "NO_SUCH_TENANT", 1),
        (("verify", "contoso", "--json"), "NO_SUCH_TENANT", 1),
        (("verify", "contoso", "nope"), "NO_SUCH_TENANT", 1),
        (("jobs", "list", "--tenant", "contoso"), "NO_SUCH_TENANT", 1),
        (("schedule", "set", "contoso", "--cron", "0 3 * * *"), "NO_SUCH_TENANT", 1),
        (("schedule", "pause", "contoso"), "NO_SUCH_TENANT", 1),
        (("key", "check", "contoso"), "NO_SUCH_TENANT", 1),
        (("schedule", "show", "contoso"), "NO_SUCH_TENANT", 1),
        (("schedule", "resume", "-"), "NO_SUCH_TENANT", 1),
        (("key", "show", "contoso"), "NO_SUCH_TENANT", 1),
        (("key", "allow", "contoso"), "NO_SUCH_TENANT", 1),
        (("key", "enable", "contoso", "--arn", ARN, "--rehearse"), "NO_SUCH_TENANT", 1),
        (("key", "update", "contoso", "--arn", ARN), "NO_SUCH_TENANT", 1),
        (("audit", "show", "contoso"), "NO_SUCH_TENANT", 1),
        (("audit", "export", "contoso", "-o", "-"), "NO_SUCH_TENANT", 1),
        (("jobs", "show", "nope"), "NO_SUCH_JOB", 1),
        (("jobs", "cancel", "\udcff"), "NO_SUCH_JOB", 1),
        (("jobs", "retry", "two\nlines"), "NO_SUCH_JOB", 1),
        (("catalog", "migrate", "--grant", "reader"), "SETTINGS_INVALID", 2),
        (("schedule", "set", "contoso", "--cron", "61 * * * *"), "SETTINGS_INVALID", 2),
        (("schedule", "set", "contoso", "--cron", "0 3 * * *", "--timezone", "Mars"), "SETTINGS_INVALID", 2),
    ],
)
def test_what_is_not_there_is_refused_by_its_code(shell: Shell, words: tuple[str, ...], code: str, status: int) -> None:
    shell.refused(*words, code=code, status=status)


@pytest.mark.parametrize(
    "words",
    [
        ("up",),
        (*ADD, "secret"),
        ("tenant", "update", "c", "--client-secret-file", "secret"),
        ("tenant", "remove", "c", "--yes"),
        ("download", "c", "latest", "-o", "f"),
        ("browse", "c", "latest"),
        ("audit", "verify", "c"),
        ("catalog", "rebuild"),
        ("key", "policy", "c"),
    ],
    ids=" ".join,
)
def test_every_missing_or_wrong_setting_is_named_at_once(shell: Shell, words: tuple[str, ...]) -> None:
    shell.environment |= {"ENTRAKEEP_GRAPH_URL": "http://graph", "ENTRAKEEP_CA_BUNDLE": "absent"}
    said = shell.refused(*words, code="SETTINGS_INVALID", status=2)
    for name in ("PROVIDER_KEY_ARN", "GRAPH_URL", "CA_BUNDLE"):
        assert f"ENTRAKEEP_{name}" in said
    assert os.listdir(shell.folder) == ["secret"]


@pytest.mark.parametrize(
    "words",
    [
        ("tenant", "update", "contoso", "--client-secret-file", "secret"),
        ("tenant", "remove", "contoso", "--yes"),
        ("browse", "contoso", "latest"),
        ("download", "contoso", "latest", "-o", "out"),
        ("audit", "verify", "contoso"),
        ("catalog", "rebuild"),
    ],
    ids=" ".join,
)
def test_what_needs_the_engine_refuses_a_tenant_that_nobody_knows(shell: Shell, words: tuple[str, ...]) -> None:
    shell.environment["ENTRAKEEP_PROVIDER_KEY_ARN"] = ARN
    shell.refused(*words, code="NO_SUCH_TENANT", status=1)
    assert not (shell.folder / "out").exists()


def test_lists_need_sql_alone(shell: Shell) -> None:
    assert shell.document("tenant", "list") == []
    assert shell.document("jobs", "list") == []
    assert shell.run("catalog", "migrate")[0].startswith(b"The catalog is at revision")
    assert b"users.manager" in shell.run("resources")[0]


@pytest.mark.parametrize(
    ("url", "code", "status"),
    [
        ("sqlite:////dev/null/catalog", "CATALOG_UNREACHABLE", 1),
        ("sqlite:///secret", "CATALOG_UNREACHABLE", 1),
        ("nonsense", "SETTINGS_INVALID", 2),
        ("mysql://root:CANARY@host/db", "SETTINGS_INVALID", 2),
    ],
)
def test_a_catalog_that_cannot_be_used_is_a_sentence(shell: Shell, url: str, code: str, status: int) -> None:
    shell.environment["ENTRAKEEP_DATABASE_URL"] = url
    assert "CANARY" not in shell.refused("tenant", "list", "--json", code=code, status=status)


def test_help_comes_at_once(shell: Shell) -> None:
    began = time.monotonic()
    out, _ = shell.run("--help")
    assert time.monotonic() - began < 5  # about 0.2 s on an idle machine
    assert b"Commands:" in out


def test_a_defect_is_one_sentence_that_names_a_file_without_what_the_exception_says(shell: Shell) -> None:
    (shell.folder / "sitecustomize.py").write_text(
        "import console.cli.resources as r\n"
        "def broken():\n    raise LookupError('CAN' + 'ARY')\n"
        "r.protected_resources = broken\n"
    )
    top = Path(__file__).resolve().parents[2]
    shell.environment["PYTHONPATH"] = f"{shell.folder}:{top}"
    said = shell.refused("resources", code="UNEXPECTED", status=1)
    log = shell.folder / "home" / "logs" / "entrakeep.log"
    assert str(log) in said
    assert "broken" in log.read_text()
    assert "CANARY" not in said + log.read_text()


def test_a_reader_that_goes_away_is_no_trouble(shell: Shell) -> None:
    process = shell.start("resources")
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.wait(30) == 1
    assert process.stderr.read() == b""
    process.stderr.close()


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Yield simulators and Redis; a test connects its own tenant and leaves neither tenant nor process behind."""
    with running_stack(tmp_path_factory.mktemp("command-line"), "--objects", "200") as stack:
        yield stack


@pytest.fixture
def processes(stack: Stack) -> Iterator[None]:
    """Run beat and a worker for one test."""
    stack.start("beat", "worker")
    yield
    for name in ("beat", "worker"):
        stack.kill(name)


@pytest.fixture
def connected(stack: Stack) -> Shell:
    """Return a shell in which a tenant has been connected."""
    shell = Shell(stack.home, stack.environment)
    write_private(stack.home / "secret", f"{SECRET}\n")
    write_private(stack.home / "wrong", "wrong")
    given = ("--directory-id", DIRECTORY, "--client-id", CLIENT, "--client-secret-file")
    shell.refused("tenant", "add", "contoso", *given, "wrong", code="GRAPH_SIGN_IN_FAILED", status=1)
    assert shell.document("tenant", "list") == []
    shell.run("tenant", "add", "contoso", *given, "secret")
    shell.refused("tenant", "add", "contoso", *given, "secret", code="TENANT_EXISTS", status=1)
    said = shell.refused("tenant", "add", "second", *given, "secret", code="DIRECTORY_EXISTS", status=1)
    assert "as the tenant contoso" in said
    events = stack.context.catalog.tenant(INSTALLATION).audit.recent(100)
    assert event_of(events[0]).action == Action.TENANT_ADDED
    assert_audit_intact(shell, len(events), "--installation")
    shell.refused("audit", "show", "contoso", "--installation", code="WRONG_USE", status=2)
    shell.run("tenant", "update", "contoso", "--client-secret-file", "secret")
    return shell


def assert_audit_intact(shell: Shell, events: int, chain: str) -> None:
    """Assert that a chain has so many events and at least one head. Jobs and sweeps store heads, so their number varies."""
    named = chain if chain != "--installation" else "the installation"
    said = rf"Verified {events} events? of {named} and [1-9]\d* heads? in the store: all intact\.\n"
    out = shell.run("audit", "verify", chain)[0].decode()
    assert re.fullmatch(said, out), out


def actions(shell: Shell, tenant: str) -> list[str]:
    """Return the actions in a tenant's audit trail, oldest first."""
    events = shell.document("audit", "show", tenant)
    assert isinstance(events, list)
    return [event["action"] for event in reversed(events)]


def test_without_beat_a_wait_ends_and_ctrl_c_leaves_the_job(stack: Stack) -> None:
    tenant = stack.add("waiting")
    shell = Shell(stack.home, stack.environment)
    asked = shell.start("backup", "waiting", "--wait")
    until(stack.of(tenant).jobs.recent, "the job is asked for")
    asked.send_signal(signal.SIGINT)
    _, err = asked.communicate(timeout=30)
    assert asked.returncode not in (0, None)
    (job,) = shell.document("jobs", "list", "--tenant", "waiting")  # type: ignore[misc]
    assert f"entrakeep jobs show {job['id']}" in err.decode()
    assert job["state"] == "queued"
    out, err_text = shell.run("backup", "waiting", "--wait", "--json", status=1)
    assert out == b""
    assert f"job {job['id']}" in err_text
    assert "STACK_NOT_RUNNING: " in err_text
    cancelled = shell.document("jobs", "cancel", job["id"])
    assert isinstance(cancelled, dict)
    assert cancelled["state"] == "cancelled"
    shell.run("tenant", "remove", "waiting", "--yes")
    assert actions(shell, "waiting") == ["tenant.added", "backup.asked", "job.cancelled", "tenant.removed"]


TOLD = [
    *("tenant.added", "credential.updated", "backup.asked"),
    *("download.begun", "download.ended", "browse.begun", "browse.ended", "download.begun", "download.ended"),
    *("verify.asked", "verify.ended", "schedule.set", "schedule.paused", "key.refused"),
    *("download.begun", "download.ended", "browse.begun", "browse.ended"),
    *("verify.asked", "verify.ended", "tenant.removed"),
]
"""What the audit trail of a backup's whole way records."""


@pytest.mark.timeout(400)  # forty processes, one after the other
@pytest.mark.usefixtures("processes")
def test_a_backup_goes_its_whole_way_by_commands_alone(stack: Stack, connected: Shell) -> None:
    job = json.loads(connected.run("backup", "contoso", "--wait", "--json")[0])
    assert (job["state"], job["tenant"]) == ("succeeded", "contoso")
    assert {row["state"] for row in job["resources"]} == {"done"}
    (snapshot,) = connected.document("snapshots", "contoso")  # type: ignore[misc]
    assert (snapshot["id"], snapshot["complete"]) == (job["snapshot"], True)
    expected = stack.graph.records()
    connected.run("download", "contoso", "latest", "-o", "out.jsonl")
    file = connected.folder / "out.jsonl"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(file.read_bytes().splitlines()) == len(expected)
    browsed, _ = connected.run("browse", "contoso", "latest", "--json")
    assert browsed == file.read_bytes()
    assert connected.run("download", "contoso", "latest", "-o", "-")[0] == browsed
    found = connected.document("verify", "contoso")
    assert isinstance(found, dict)
    assert (found["snapshots"], found["damaged"]) == (1, [])
    assert connected.document("key", "check", "contoso") == {"state": "ok", "code": None, "message": None}
    connected.run("schedule", "set", "contoso", "--cron", "0 3 * * *", "--timezone", "Europe/Berlin")
    connected.run("schedule", "pause", "contoso")
    assert connected.document("schedule", "show", "contoso") == {
        "cron": "0 3 * * *",
        "timezone": "Europe/Berlin",
        "paused": True,
        "next": None,
    }

    stack.aws.client("kms").disable_key(KeyId=stack.environment["ENTRAKEEP_PROVIDER_KEY_ARN"])
    checked, said = connected.run("key", "check", "contoso", "--json", status=1)
    assert json.loads(checked)["state"] == "revoked"
    assert said.startswith("KEY_ACCESS_REVOKED: ")
    before = file.read_bytes()
    connected.refused("download", "contoso", "latest", "-o", "out.jsonl", code="KEY_ACCESS_REVOKED", status=1)
    connected.refused("browse", "contoso", "latest", code="KEY_ACCESS_REVOKED", status=1)
    assert file.read_bytes() == before
    assert [name for name in os.listdir(connected.folder) if name.startswith("out")] == ["out.jsonl"]
    key = connected.document("key", "show", "contoso")
    assert isinstance(key, dict)
    assert (key["state"], key["account"]) == ("revoked", "111122223333")
    shallow = connected.document("verify", "contoso", "--shallow")
    assert isinstance(shallow, dict)
    assert shallow["damaged"] == []
    stack.aws.client("kms").enable_key(KeyId=stack.environment["ENTRAKEEP_PROVIDER_KEY_ARN"])
    connected.run("tenant", "remove", "contoso", "--yes")
    assert connected.document("tenant", "list") == []
    assert actions(connected, "contoso") == TOLD
    assert_audit_intact(connected, len(TOLD), "contoso")
