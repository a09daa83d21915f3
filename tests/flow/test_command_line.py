"""The command line as people and scripts use it: a process, its two outputs and its exit status."""

import csv
import io
import json
import os
import re
import signal
import stat
import time
import zipfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pyrage
import pytest

from console.demo.directory import Directory
from shared.domain.audit import INSTALLATION, Action, event_of
from shared.domain.jobs import JobState
from shared.domain.model import Tenant
from tests.commands import Commands
from tests.contract.catalog.world import World
from tests.flow.shell import Shell, write_private
from tests.flow.stack import LEASE, Stack, running_stack, until
from tests.generated import schemas
from tests.migrated import migrated_file
from tests.parts import CLIENT, DIRECTORY, SECRET
from tests.tables import small_options, unknown_in

pytestmark = pytest.mark.flow


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """Return a shell without a stack, KMS or Graph: SQL alone."""
    write_private(tmp_path / "secret", SECRET)
    return Shell(tmp_path, {"ENTRAKEEP_HOME": str(tmp_path / "home")})


@pytest.mark.parametrize(
    ("words", "code", "status"),
    [
        (("tenant", "list", "contoso"), "WRONG_USE", 2),
        (("up",), "SETTINGS_INVALID", 2),
        (("tenant", "show", "contoso"), "NO_SUCH_TENANT", 1),
    ],
)
def test_a_refusal_is_one_sentence_with_the_status_of_its_kind(
    shell: Shell, words: tuple[str, ...], code: str, status: int
) -> None:
    """Run as a process. ``tests/unit/console/cli/test_refusals.py`` calls all other refusals."""
    shell.refused(*words, code=code, status=status)


def test_help_starts_quickly(shell: Shell) -> None:
    began = time.monotonic()
    out, _ = shell.run("--help")
    assert time.monotonic() - began < 5  # about 0.2 s on an idle machine
    assert b"Commands:" in out


def test_a_defect_is_one_sentence_that_names_a_file_without_the_text_of_the_exception(shell: Shell) -> None:
    (shell.folder / "sitecustomize.py").write_text(
        "import console.cli.resources as r\n"
        "def broken():\n    raise LookupError('CAN' + 'ARY')\n"
        "r.protected_resources = broken\n"
    )
    top = Path(__file__).resolve().parents[2]
    shell.environment["PYTHONPATH"] = f"{shell.folder}:{top}"
    sentence = shell.refused("resources", code="UNEXPECTED", status=1)
    log = shell.folder / "home" / "logs" / "entrakeep.log"
    assert str(log) in sentence
    assert "broken" in log.read_text()
    assert "CANARY" not in sentence + log.read_text()


@pytest.mark.parametrize("words", [("resources",), ("audit", "export", "acme", "-o", "-")], ids=" ".join)
def test_a_reader_that_closes_the_pipe_causes_no_error(shell: Shell, words: tuple[str, ...]) -> None:
    home = shell.folder / "home"
    home.mkdir(0o700)
    with closing(World(migrated_file(home / "catalog.sqlite3"))) as world:
        world.add("acme")
    process = shell.start(*words)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.wait(30) == 1
    assert process.stderr.read() == b""
    process.stderr.close()


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Yield simulators and Redis; a test connects its own tenant and leaves neither tenant nor process behind."""
    counts = ("--users", "220", "--groups", "25", "--applications", "8", "--policies", "2")
    with running_stack(tmp_path_factory.mktemp("command-line"), *counts) as stack:
        yield stack


@pytest.fixture
def processes(stack: Stack) -> Iterator[None]:
    """Run beat and a worker for one test."""
    stack.start("beat", "worker")
    yield
    for name in ("beat", "worker"):
        stack.kill(name)


@pytest.fixture
def connected(stack: Stack) -> Commands:
    """Return commands for a tenant that has been connected."""
    shell = Commands(stack.home, stack.environment)
    write_private(stack.home / "secret", f"{SECRET}\n")
    write_private(stack.home / "wrong", "wrong")
    options = ("--directory-id", DIRECTORY, "--client-id", CLIENT, "--client-secret-file")
    shell.refused("tenant", "add", "contoso", *options, "wrong", code="GRAPH_SIGN_IN_FAILED", status=1)
    assert shell.document("tenant", "list") == []
    shell.run("tenant", "add", "contoso", *options, "secret", *small_options())
    shell.refused("tenant", "add", "contoso", *options, "secret", code="TENANT_EXISTS", status=1)
    sentence = shell.refused("tenant", "add", "second", *options, "secret", code="DIRECTORY_EXISTS", status=1)
    assert "as the tenant contoso" in sentence
    events = stack.context.catalog.tenant(INSTALLATION).audit.recent(100)
    assert event_of(events[0]).action == Action.TENANT_ADDED
    assert_audit_intact(shell, len(events), "--installation")
    shell.refused("audit", "show", "contoso", "--installation", code="WRONG_USE", status=2)
    shell.run("tenant", "update", "contoso", "--client-secret-file", "secret")
    return shell


def assert_audit_intact(shell: Shell, events: int, chain: str) -> None:
    """Assert that a chain has so many events and at least one head. Jobs and sweeps store heads, so their number varies."""
    named = chain if chain != "--installation" else "the installation"
    expected = rf"Verified {events} events? of {named} and [1-9]\d* heads? in the store: all intact\.\n"
    out = shell.run("audit", "verify", chain)[0].decode()
    assert re.fullmatch(expected, out), out


def actions(shell: Shell, tenant: str) -> list[str]:
    """Return the actions in a tenant's audit trail, oldest first."""
    events = shell.document("audit", "show", tenant)
    assert isinstance(events, list)
    return [event["action"] for event in reversed(events)]


def test_a_wait_ends_without_beat_and_ctrl_c_leaves_the_job_running(stack: Stack) -> None:
    tenant = stack.add("waiting")
    shell = Commands(stack.home, stack.environment)
    command = shell.start("backup", "waiting", "--wait")
    until(stack.catalog_of(tenant).jobs.recent, "the job is asked for")
    command.send_signal(signal.SIGINT)
    _, err = command.communicate(timeout=30)
    assert command.returncode not in (0, None)
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
    *("compare.begun", "compare.ended"),
    *("verify.asked", "verify.ended", "schedule.set", "schedule.paused", "key.refused"),
    *("download.begun", "download.ended", "browse.begun", "browse.ended", "compare.begun", "compare.ended"),
    *("verify.asked", "verify.ended", "tenant.removed"),
]
"""The events in the audit trail from the setup to the download."""


def archived(age: bytes, identity: pyrage.x25519.Identity, name: str) -> bytes:
    """Return a file of an encrypted archive."""
    with zipfile.ZipFile(io.BytesIO(pyrage.decrypt(age, [identity]))) as archive:
        assert archive.testzip() is None
        return archive.read(name)


@pytest.mark.usefixtures("processes")
def test_commands_show_and_download_what_a_day_changed(stack: Stack) -> None:
    tenant = stack.add("changing")
    shell = Commands(stack.home, stack.environment)
    first, before = stack.backup(tenant).snapshot, stack.graph.records()
    assert first is not None
    with closing(Directory(stack.graph.url, stack.graph.ca_file)) as directory:
        directory.change()
    live = json.loads(shell.run("compare", "changing", first, "live", "--json")[0])
    after = stack.graph.records()
    changed = {key for key in before.keys() & after.keys() if before[key] != after[key]}
    assert live["added"] and live["removed"] and live["changed"]
    assert sorted(live["added"]) == sorted(after.keys() - before.keys())
    assert sorted(live["removed"]) == sorted(before.keys() - after.keys())
    assert sorted(each["key"] for each in live["changed"]) == sorted(changed)
    assert unknown_in(live) == ["termsOfUseAgreements"]
    assert shell.document("compare", "changing", first, live["b"]) == live
    assert shell.document("compare", "changing", live["b"], first)["removed"] == live["added"]  # type: ignore[index]

    renamed = next(each for each in live["changed"] if each["key"].startswith("groups/"))
    (last, begin) = map(
        json.loads,
        shell.run("browse", "changing", "latest", "--id", renamed["key"][7:], "--history", "--json")[0].splitlines(),
    )
    assert (last["snapshot"], last["change"], last["properties"]) == (live["b"], "changed", renamed["properties"])
    assert (begin["snapshot"], begin["change"]) == (first, "existing")

    since = ("download", "changing", "latest", "--since", first, "-o")
    shell.run(*since, "changes.jsonl")
    changes = (shell.folder / "changes.jsonl").read_bytes()
    schemas.check(since, changes)
    values = {line["key"]: "removed" not in line for line in map(json.loads, changes.splitlines())}
    assert values == dict.fromkeys({*live["added"], *changed}, True) | dict.fromkeys(live["removed"], False)
    ada, bob = (pyrage.x25519.Identity.generate() for _ in range(2))
    recipients = [word for each in (ada, bob) for word in ("--recipient", str(each.to_public()))]
    shell.run(*since, "changes.zip.age", "--format", "zip", *recipients)
    users = b"".join(line for line in changes.splitlines(keepends=True) if re.match(rb'{"key": "users/[^/]+"', line))
    for identity in (ada, bob):
        assert archived((shell.folder / "changes.zip.age").read_bytes(), identity, "users/users.jsonl") == users

    assert_cut_off(stack, tenant, shell, first)
    shell.run("tenant", "remove", "changing", "--yes")


def assert_cut_off(stack: Stack, tenant: Tenant, shell: Commands, first: str) -> None:
    """Revoke the key while commands run. Assert that they stop within a lease, and that only a resumed file remains."""
    folder, jobs, kms = shell.folder / "cut", stack.catalog_of(tenant).jobs, stack.aws.client("kms")
    folder.mkdir()
    shell.run("download", "changing", "latest", "-o", "cut/whole.jsonl")
    tables = ("download", "changing", "latest", "--format", "csv", "-o", "cut/tables")
    commands = [
        (*tables, "--resume"),
        ("download", "changing", "latest", "-o", "cut/whole.jsonl"),
        ("compare", "changing", first, "latest", "--format", "html", "-o", "cut/page.html"),
    ]
    whole = (folder / "whole.jsonl").read_bytes()
    slow = {"match": {"service": "s3", "action": "GetObject"}, "what": "slow", "seconds": LEASE / 2}
    stack.aws.fault(slow)
    running = [shell.start(*words) for words in commands]
    until((folder / "tables.partial" / "applications.csv").exists, "a table is written")
    until(lambda: sum(job.state is JobState.RUNNING for job in jobs.recent(3)) == 3, "all commands read")
    kms.disable_key(KeyId=stack.key(tenant))
    revoked = time.monotonic()
    until(lambda: all(job.state.ended for job in jobs.recent(3)), "all jobs have ended")
    assert time.monotonic() - revoked < LEASE
    for process in running:
        _, err = process.communicate(timeout=LEASE * 3)
        assert (process.returncode, err.split(b":")[0]) == (1, b"KEY_ACCESS_REVOKED")
    assert sorted(os.listdir(folder)) == ["tables.partial", "tables.partial.json", "whole.jsonl"]
    assert (folder / "whole.jsonl").read_bytes() == whole
    complete = {file.name: file.stat().st_ino for file in (folder / "tables.partial").iterdir()}
    stack.aws.clear_faults()
    kms.enable_key(KeyId=stack.key(tenant))
    shell.run(*tables, "--resume")
    assert sorted(os.listdir(folder)) == ["tables", "whole.jsonl"]
    assert {name: (folder / "tables" / name).stat().st_ino for name in complete} == complete
    tables_text = (file.read_bytes().decode() for file in (folder / "tables").iterdir())
    rows = [row for text in tables_text for row in csv.DictReader(io.StringIO(text, newline=""))]
    assert len(rows) == len(whole.splitlines())


@pytest.mark.usefixtures("processes")
def test_commands_alone_take_a_backup_from_setup_to_download(stack: Stack, connected: Commands) -> None:
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
    equal = connected.document("compare", "contoso", "latest", snapshot["id"], "--exit-code")
    assert isinstance(equal, dict)
    assert equal["summary"] == []
    assert unknown_in(equal) == ["termsOfUseAgreements"]
    verified = connected.document("verify", "contoso")
    assert isinstance(verified, dict)
    assert (verified["snapshots"], verified["damaged"]) == (1, [])
    assert connected.document("key", "check", "contoso") == {"state": "ok", "code": None, "message": None}
    connected.run("schedule", "set", "contoso", "--cron", "0 3 * * *", "--timezone", "Europe/Berlin")
    connected.run("schedule", "pause", "contoso")
    schedule = connected.document("schedule", "show", "contoso")
    assert isinstance(schedule, dict)
    assert (schedule["cron"], schedule["timezone"]) == ("0 3 * * *", "Europe/Berlin")
    assert (schedule["paused"], schedule["next"]) == (True, None)
    assert schedule["runs"]["words"] == "At 03:00 every day"

    stack.aws.client("kms").disable_key(KeyId=stack.environment["ENTRAKEEP_PROVIDER_KEY_ARN"])
    checked, err = connected.run("key", "check", "contoso", "--json", status=1)
    assert json.loads(checked)["state"] == "revoked"
    assert err.startswith("KEY_ACCESS_REVOKED: ")
    before = file.read_bytes()
    connected.refused("download", "contoso", "latest", "-o", "out.jsonl", code="KEY_ACCESS_REVOKED", status=1)
    connected.refused("browse", "contoso", "latest", code="KEY_ACCESS_REVOKED", status=1)
    compared = ("compare", "contoso", "latest", "latest", "-o", "out.html", "--format", "html")
    connected.refused(*compared, code="KEY_ACCESS_REVOKED", status=1)
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
