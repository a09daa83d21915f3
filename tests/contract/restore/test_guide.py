"""docs/restoring.md: each command on the page is run in order, against the damage that the page describes.

The commands run in this process. While one of them waits for a job, a worker's steps run in its place.
"""

import re
import shlex
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from string import Template
from types import SimpleNamespace

import pyrage
import pytest

from shared import wiring
from shared.domain.jobs import JobKind
from tests.commands import Commands
from tests.contract.catalog.world import new_id
from tests.contract.engine.simulated import all_permissions, restorer, simulated_world, value_of
from tests.contract.engine.world import EngineWorld
from tests.contract.graph.simulator import Simulator
from tests.contract.restore.carrying import group, ids_of, objects, set_up, user
from tests.flow.shell import write_private
from tests.pages import TOP, lines
from tests.parts import POLICIES
from tests.tables import only, table

PAGE = TOP / "docs" / "restoring.md"
PUBLIC_KEY = '"$(age-keygen -y passwords.key)"'


def given(name: str) -> str:
    """Return the value that the page gives a variable."""
    match = re.search(rf"^{name}=(\S+)", PAGE.read_text(), re.MULTILINE)
    assert match is not None
    return match[1]


class Guide:
    """Types the lines of the page."""

    def __init__(self, world: EngineWorld, folder: Path) -> None:
        self.world = world
        self.shell = Commands(folder, {"ENTRAKEEP_HOME": str(folder / "home")})
        self.secret_key = pyrage.x25519.Identity.generate()
        self.snapshot = world.catalog.snapshots.get("latest").snapshot_id
        self.values: dict[str, str] = {}
        self.typed: list[str] = []

    def type(self, line: str) -> None:
        """Do what a person does with a line: choose a value, or run a command and what its output is piped to."""
        name, mark, value = line.partition("=")
        if mark and name.isidentifier():
            self.values[name] = self.chosen(name, value)
            return
        command, *rest = re.split(r" (?=[|>] )", line.replace(PUBLIC_KEY, str(self.secret_key.to_public())), maxsplit=1)
        program, *words = shlex.split(Template(command).substitute(self.values))
        if program != "entrakeep":
            return  # age is not installed everywhere
        out, _ = self.shell.run(*words)
        self.typed.append(" ".join(words))
        for pipe in rest:
            subprocess.run(["sh", "-c", f"cat {pipe}"], input=out, cwd=self.shell.folder, check=True)

    def chosen(self, name: str, value: str) -> str:
        """Return an id that a person reads from the output of a command; of the objects, the page has the ids."""
        if name == "plan":
            return self.world.catalog.restores.plans()[0].plan_id
        if name == "job":
            return next(job.job_id for job in self.world.catalog.jobs.recent() if job.kind is JobKind.RESTORE)
        return self.snapshot if name == "snapshot" else value


@pytest.fixture(scope="module")
def small_table() -> Iterator[None]:
    with table(only(("users", "groups", "conditionalAccessPolicies", "organization"))):
        yield


@pytest.fixture
def guide(small_table: None, tmp_path: Path, simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[Guide]:
    """Yield a reader of the page, whose directory has been backed up, and was then attacked."""
    with simulated_world(tmp_path, simulator, restorer(simulator)) as world:
        set_up(world)
        build(simulator)
        world.back_up()
        monkeypatch.setattr(wiring, "open_catalog", lambda: world.context.catalog)
        monkeypatch.setattr(wiring, "command_context", lambda: world.context)

        def work(seconds: float) -> None:
            world.scheduler.record_heartbeat("w", 4)
            world.work(1)
            time.sleep(min(seconds, 0.02))

        patient = SimpleNamespace(monotonic=time.monotonic, sleep=work)
        monkeypatch.setattr("console.cli.waiting.time", patient)
        reader = Guide(world, tmp_path)
        attack(simulator)
        yield reader


ADA, POLICY, INTRUDER = given("user"), given("policy"), given("intruder")
BOB, CAT, TEAM, SALES = (new_id() for _ in range(4))


def build(simulator: Simulator) -> None:
    """Create the objects that the page speaks of."""
    for object_id, name in ((ADA, "Ada Lovelace"), (BOB, "Bob"), (CAT, "Cat")):
        mail_name = name.split()[0].lower()
        simulator.apply("create", "users", {"id": object_id, **user(mail_name), "displayName": name})
    for object_id, name in ((SALES, "Sales Berlin"), (TEAM, "Team")):
        simulator.apply("create", "groups", {"id": object_id, **group(name), "mailNickname": name.split()[0].lower()})
        simulator.apply("create", f"groups/{object_id}/members", {"id": ADA})
    users = {"includeUsers": [BOB], "excludeUsers": [], "includeGroups": [], "excludeGroups": []}
    conditions = {"clientAppTypes": ["all"], "applications": {"includeApplications": ["All"]}, "users": users}
    controls = {"operator": "OR", "builtInControls": ["mfa"]}
    policy = {"displayName": "Ask for a second factor", "state": "enabled", "conditions": conditions}
    simulator.apply("create", POLICIES, {"id": POLICY, **policy, "grantControls": controls})


def attack(simulator: Simulator) -> None:
    """Delete two users, one of them for good, and two groups; change a policy and a group; create a user."""
    for path in (f"users/{ADA}", f"users/{CAT}", f"groups/{SALES}", f"groups/{TEAM}"):
        simulator.apply("delete", path)
    simulator.apply("purge", f"users/{CAT}")
    simulator.apply("update", f"{POLICIES}/{POLICY}", {"state": "disabled"})
    simulator.apply("create", "users", {"id": INTRUDER, **user("intruder")})


def names(simulator: Simulator, path: str) -> set[str]:
    return {each["displayName"] for each in objects(simulator, path)}


def test_every_command_of_the_guide_does_what_the_page_says(guide: Guide, simulator: Simulator) -> None:
    write_private(guide.shell.folder / "restore-secret.txt", "restore-secret")
    application = {"client_id": given_restorer(), "secret": "restore-secret", "permissions": all_permissions()}
    simulator.set("apps", application)
    for line in lines(PAGE):
        if "--undo $job --reason" in line:
            assert_restored(guide, simulator)
        guide.type(line)
    typed = {" ".join(words.split()[:2]) for words in guide.typed}
    assert {"tenant check", "plan make", "restore contoso", "jobs list", "compare contoso", "tenant update"} <= typed
    assert {"Cat", "Team"}.isdisjoint(names(simulator, "users") | names(simulator, "groups"))
    assert {"Ada Lovelace", "Sales Berlin"} <= names(simulator, "users") | names(simulator, "groups")


def assert_restored(guide: Guide, simulator: Simulator) -> None:
    """Assert what the page promises before the last restore is undone."""
    assert {"Ada Lovelace", "Bob", "Cat"} <= names(simulator, "users")
    assert "intruder" not in names(simulator, "users")
    assert {"Sales Berlin", "Team"} <= names(simulator, "groups")
    assert value_of(simulator, POLICIES, POLICY)["state"] == "enabled"
    assert ids_of(simulator, f"groups/{SALES}/members") == {ADA}
    assert SALES in (guide.shell.folder / "groups.txt").read_text().splitlines()
    assert "Cat" in (guide.shell.folder / "report.csv").read_text()


def given_restorer() -> str:
    """Return the client id of the restore identity on the page."""
    match = re.search(r"--restore-client-id (\S+)", PAGE.read_text())
    assert match is not None
    return match[1]
