"""``entrakeep audit`` on a catalog of one tenant."""

import json
import os
import pwd
import re
import socket
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.domain.jobs import JobKind, Origin
from shared.domain.model import Schedule
from tests.commands import Commands
from tests.contract.catalog.world import NOW, World
from tests.migrated import migrated_file

ARN = "arn:aws:kms:eu-central-1:111122223333:key/0f3e5a3c-7c1e-4a3d-9a44-000000000001"
ME = f"{pwd.getpwuid(os.getuid()).pw_name}@{socket.gethostname()}"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    home = tmp_path / "home"
    home.mkdir(0o700)
    world = World(migrated_file(home / "catalog.sqlite3"))
    yield world
    world.close()


@pytest.fixture
def shell(tmp_path: Path, world: World) -> Commands:
    """Return a shell without a stack, KMS or Graph: SQL and a folder, and a tenant with three events."""
    acme = world.add("acme")
    acme.schedules.set(Schedule(cron="0 * * * *", timezone="UTC", paused=False, next_due=NOW))
    acme.jobs.request(JobKind.BACKUP, origin=Origin.HAND)
    settings = {"ENTRAKEEP_HOME": str(tmp_path / "home"), "ENTRAKEEP_PROVIDER_KEY_ARN": ARN}
    return Commands(tmp_path, {**settings, "LOGNAME": "mallory", "USER": "mallory"})


def tampered(shell: Commands) -> None:
    with sqlite3.connect(shell.folder / "home" / "catalog.sqlite3") as catalog:
        catalog.execute("DROP TRIGGER audit_events_are_not_changed")
        catalog.execute("UPDATE audit_events SET line = replace(line, '0 * * * *', '9 * * * *')")
    catalog.close()


def test_events_are_shown_newest_first(shell: Commands) -> None:
    events = shell.document("audit", "show", "acme")
    assert isinstance(events, list)
    assert [(event["number"], event["action"]) for event in events] == [
        (3, "backup.asked"),
        (2, "schedule.set"),
        (1, "tenant.added"),
    ]
    assert list(events[0]) == [
        *("tenant", "tenant_id", "number", "at", "actor", "action", "subject", "detail", "previous", "hash")
    ]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", events[0]["at"])
    assert (events[0]["tenant"], events[0]["previous"]) == ("acme", events[1]["hash"])
    assert len(json.loads(shell.run("audit", "show", "acme", "--limit", "2", "--json")[0])) == 2
    table = shell.run("audit", "show", "acme")[0].decode()
    assert "tenant.added" in table
    assert "cron 0 * * * *" in table


def test_the_actor_of_a_command_is_the_user_named_by_the_system(shell: Commands) -> None:
    shell.run("schedule", "pause", "acme")
    shell.run("schedule", "resume", "acme")
    shell.run("schedule", "set", "acme", "--cron", "5 4 * * *")
    (job,) = shell.document("jobs", "list")  # type: ignore[misc]
    shell.run("jobs", "cancel", job["id"])
    retried = json.loads(shell.run("jobs", "retry", job["id"], "--json")[0])
    events = shell.document("audit", "show", "acme")
    assert isinstance(events, list)
    assert [(event["actor"], event["action"]) for event in events[:5]] == [
        (ME, "job.retried"),
        (ME, "job.cancelled"),
        (ME, "schedule.set"),
        (ME, "schedule.resumed"),
        (ME, "schedule.paused"),
    ]
    assert events[0]["subject"] == {"job": retried["job"], "retried": job["id"]}


def test_a_trail_verifies_until_it_is_changed(shell: Commands) -> None:
    printed = shell.run("audit", "verify", "acme")[0]
    assert printed == b"Verified 3 events of acme and 0 heads in the store: all intact.\n"
    verdict = shell.document("audit", "verify", "acme")
    assert isinstance(verdict, dict)
    assert (verdict["events"], verdict["heads"], verdict["head"]["number"], verdict["fault"]) == (3, 0, 3, None)
    tampered(shell)
    said_then = shell.refused("audit", "verify", "acme", code="AUDIT_BROKEN", status=1)
    assert "event 2 is not what it was" in said_then
    out, err = shell.run("audit", "verify", "acme", "--json", status=1)
    assert json.loads(out)["fault"] == {"number": 2, "reason": "is not what it was when its hash was made"}
    assert err == said_then


def test_an_export_is_whole_and_private_and_equals_standard_output(shell: Commands) -> None:
    err = shell.run("audit", "export", "acme", "-o", "out.jsonl")[1]
    assert err == "3 events written to out.jsonl.\n"
    file = shell.folder / "out.jsonl"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    events = [json.loads(line) for line in file.read_text().splitlines()]
    assert [event["number"] for event in events] == [1, 2, 3]
    assert shell.run("audit", "export", "acme", "-o", "-") == (file.read_bytes(), "")
    with sqlite3.connect(shell.folder / "home" / "catalog.sqlite3") as catalog:
        catalog.execute("DROP TRIGGER audit_events_are_not_changed")
        catalog.execute("UPDATE audit_events SET line = 'CANARY' WHERE number = 3")
    catalog.close()
    before = file.read_bytes()
    assert "CANARY" not in shell.refused("audit", "export", "acme", "-o", "out.jsonl", code="AUDIT_BROKEN", status=1)
    assert file.read_bytes() == before
    assert "CANARY" not in shell.refused("audit", "show", "acme", code="AUDIT_BROKEN", status=1)
    shell.refused("audit", "export", "acme", "-o", "absent/out", code="FILE_NOT_WRITABLE", status=1)


def test_a_removed_tenant_has_its_trail_under_its_name_and_its_id(shell: Commands, world: World) -> None:
    tenant_id = world.catalog.find("acme").tenant_id
    shell.run("tenant", "remove", "acme", "--yes")
    shell.refused("tenant", "show", "acme", code="NO_SUCH_TENANT", status=1)
    for name in ("acme", tenant_id):
        events = shell.document("audit", "show", name)
        assert isinstance(events, list)
        assert (events[0]["tenant"], events[0]["actor"], events[0]["action"]) == ("acme", ME, "tenant.removed")
        assert shell.run("audit", "verify", name)[0].startswith(b"Verified 4 events of acme and 1 head in the store")
    assert len(shell.run("audit", "export", "acme", "-o", "-")[0].splitlines()) == 4
