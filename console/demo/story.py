"""The story that the demo tells, chapter by chapter."""

import re
import time
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx

from console.demo.directory import COMPARED, by_resource, resource_of
from console.demo.families import HEADINGS, by_family, rows, sentence
from console.demo.parts import DemoFailed
from console.demo.screen import Screen
from console.demo.stage import RESTORE_CLIENT, RESTORE_SECRET_FILE, SECRET_FILE, Stage
from shared import wiring
from shared.domain.deadline import Deadline
from shared.domain.schedule import next_due

_TENANT = "demo"
_DIRECTORY = "22222222-2222-2222-2222-222222222222"
_CLIENT = "11111111-1111-1111-1111-111111111111"
_FILE = "directory.jsonl"
_SCHEDULED_SECONDS = 120.0
"""A backup is due every minute; the rest is for a slow machine."""
_CRON = "* * * * *"
_LOOK = 1.5
_REVOKED = "KEY_ACCESS_REVOKED"
_PERSON, _ROLES = "ada", ("operator", "admin", "keys", "auditor")
_CONSOLE_SECONDS = 30.0
_LINE = re.compile(rb'\{"key": "([^"]+)", "value": (.*)\}')


class Story:
    """The story from an empty catalog to a revoked key and back. Methods raise DemoFailed at the first unexpected result."""

    def __init__(self, screen: Screen, stage: Stage, folder: Path) -> None:
        self._screen = screen
        self._stage = stage
        self._do = stage.commands.do
        self._ask = stage.commands.ask
        self._folder = folder
        self._proved: list[str] = []
        self._first_lines = 0

    def play(self) -> list[str]:
        """Play the whole story. Return the sentences that it has proved."""
        self._connect()
        self._back_up_by_hand()
        due, known = self._change()
        snapshot = self._back_up_by_schedule(due, known)
        self._compare(snapshot)
        self._restore(snapshot)
        self._revoke(snapshot)
        self._restore_access(snapshot)
        self._open_console()
        return self._proved

    def _connect(self) -> None:
        """Connect the directory."""
        self._screen.chapter("Connect a directory")
        self._do(
            *("tenant", "add", _TENANT, "--directory-id", _DIRECTORY),
            *("--client-id", _CLIENT, "--client-secret-file", SECRET_FILE),
        )

    def _back_up_by_hand(self) -> None:
        """Make the first backup, and set a schedule."""
        self._screen.chapter("Back it up by hand, and set a schedule")
        self._do("backup", _TENANT, "--wait")
        first = self._ask("snapshots", _TENANT)[0]
        self._first_lines = self._lines(first["job"])
        self._proved.append(f"A backup by hand: {first['objects']:,} objects and {first['links']:,} links.")
        families = by_family(first["resources"])
        self._screen.table(HEADINGS, rows(families))
        self._proved.append(sentence(families))
        # The schedule is set last: otherwise the command could wait for a backup that the schedule started.
        self._do("schedule", "set", _TENANT, "--cron", _CRON)

    def _lines(self, job: str) -> int:
        """Return the number of lines that a backup has written."""
        return sum(row["changed"] for row in self._ask("jobs", "show", job)["resources"])

    def _change(self) -> tuple[datetime, set[str]]:
        """Change the directory. Return the time of the next due backup, and the ids of the existing jobs."""
        self._screen.chapter("Change the directory")
        for line in self._stage.directory.change():
            self._screen.done(line)
        due = next_due(_CRON, "UTC", wiring.clock().now())
        return due, {job["id"] for job in self._jobs()}

    def _back_up_by_schedule(self, due: datetime, known: set[str]) -> str:
        """Wait for the first scheduled backup since ``due`` that is not one of ``known``. Return its snapshot."""
        self._screen.chapter("Let the schedule back it up")
        with self._screen.waiting("A backup is due at every full minute: waiting for the next one"):
            # Each look runs a command, and before that time there is nothing to see.
            time.sleep(max(0.0, (due - wiring.clock().now()).total_seconds()))
            job = self._next_job(known)
        if job["state"] != "succeeded":
            raise DemoFailed(f"The scheduled backup is {job['state']}: {job['message']}")
        lines = self._lines(job["id"])
        self._do("snapshots", _TENANT)
        self._screen.done(
            f"It asked Graph for changes only, and wrote {lines:,} lines; the first backup wrote {self._first_lines:,}."
        )
        self._proved.append(f"A backup by schedule: {lines:,} lines written instead of {self._first_lines:,}.")
        snapshot: str = job["snapshot"]
        return snapshot

    def _next_job(self, known: set[str]) -> dict[str, Any]:
        """Wait for the end of the first backup that is not one of ``known``. Return it."""
        deadline = Deadline(_SCHEDULED_SECONDS, time.monotonic)
        while not deadline.over:
            new = [job for job in self._jobs() if job["id"] not in known]
            if new and new[-1]["finished_at"]:
                return new[-1]
            time.sleep(_LOOK)
        raise DemoFailed(f"No scheduled backup has ended within {_SCHEDULED_SECONDS:.0f} seconds.")

    def _jobs(self) -> list[dict[str, Any]]:
        """Return the tenant's backups, newest first."""
        jobs: list[dict[str, Any]] = self._ask("jobs", "list", "--tenant", _TENANT)
        return [job for job in jobs if job["kind"] == "backup"]

    def _compare(self, snapshot: str) -> None:
        """Download the snapshot, and compare it with the directory."""
        self._screen.chapter("Download it, and compare it with the directory")
        self._do("download", _TENANT, snapshot, "-o", _FILE)
        downloaded = {key: value for key, value in self._downloaded().items() if resource_of(key) in COMPARED}
        with self._screen.waiting("Asking the directory for every object and link"):
            expected = self._stage.directory.records()
        equal = {key: value for key, value in expected.items() if downloaded.get(key) == value}
        counts = [by_resource(records) for records in (expected, downloaded, equal)]
        rows = [(name, *(f"{count[name]:,}" for count in counts)) for name in counts[0]]
        self._screen.table(("resource", "in the directory", "in the download", "equal byte for byte"), rows)
        if not len(expected) == len(downloaded) == len(equal):
            first = min(key for key in expected.keys() | downloaded.keys() if expected.get(key) != downloaded.get(key))
            raise DemoFailed(f"The download is not equal to the directory; the first difference is at {first}.")
        self._screen.done(f"All {len(expected):,} records are equal, byte for byte.")
        self._proved.append(
            f"A download: {len(expected):,} records, compared with the directory and equal byte for byte."
        )

    def _downloaded(self) -> dict[str, bytes]:
        """Return the records of the downloaded file by key."""
        lines = [_LINE.fullmatch(line) for line in (self._folder / _FILE).read_bytes().split(b"\n")[:-1]]
        records = {line[1].decode(): line[2] for line in lines if line}
        if len(records) != len(lines):
            raise DemoFailed("The download has invalid lines or duplicate records.")
        return records

    def _restore(self, snapshot: str) -> None:
        """Delete a group and a policy, restore them by a plan, and compare the directory with the snapshot."""
        self._screen.chapter("Restore what an attacker deleted")
        self._screen.say("The schedule is paused, so that from now on only the commands that you see do something.")
        self._do("schedule", "pause", _TENANT)
        while any(not job["finished_at"] for job in self._jobs()):
            time.sleep(_LOOK)
        for line in self._stage.directory.attack():
            self._screen.done(line)
        self._screen.say("Restores use an application of their own: the one that reads every night cannot write.")
        self._do(
            *("tenant", "update", _TENANT, "--restore-client-id", RESTORE_CLIENT),
            *("--restore-client-secret-file", RESTORE_SECRET_FILE),
        )
        self._do("plan", "make", _TENANT, snapshot, "--deleted-since", snapshot, "--enable-policies", "--wait")
        plan = self._ask("plan", "list", _TENANT)[0]
        self._screen.say("\nThat was only a plan. This carries it out, exactly as it was shown:")
        self._do("restore", _TENANT, "--plan", plan["plan"], "--wait")
        self._screen.say("\nCompare the snapshot with the directory after the restore:")
        self._do("compare", _TENANT, snapshot, "latest")
        self._screen.done(
            "The group is back with its id and its members. The policy is new in Graph, and Entrakeep knows its new id."
        )
        self._proved.append(f"A restore by a plan: {plan['number_of_operations']} operations, each done once.")

    def _revoke(self, snapshot: str) -> None:
        """Disable the key, and show that backup and download are refused."""
        self._screen.chapter("Revoke the key")
        self._stage.owner.disable()
        self._screen.done("The owner of the KMS key has disabled it, as 'aws kms disable-key' does.")
        refused = self._stage.commands.refused
        refused("backup", _TENANT, "--wait", code=_REVOKED)
        (self._folder / _FILE).unlink()
        refused("download", _TENANT, snapshot, "-o", _FILE, code=_REVOKED)
        if (self._folder / _FILE).exists():
            raise DemoFailed("The refused download has left a file.")
        self._do("key", "show", _TENANT)
        self._screen.done("Without the key there is no backup and no download, and no half-written file.")
        self._proved.append(f"Key revoked: backup and download refused at once with {_REVOKED}.")

    def _restore_access(self, snapshot: str) -> None:
        """Enable the key, and show that backup and download work again."""
        self._screen.chapter("Enable the key again")
        self._stage.owner.enable()
        self._screen.done("The owner of the KMS key has enabled it again, as 'aws kms enable-key' does.")
        self._do("backup", _TENANT, "--wait")
        self._do("download", _TENANT, snapshot, "-o", _FILE)
        self._do("schedule", "resume", _TENANT)
        self._screen.done("Everything works again at once, and nothing was lost.")
        self._proved.append("Key enabled again: backup and download work again at once.")

    def _open_console(self) -> None:
        """Add a person to the console, who sees all of the story there."""
        self._screen.chapter("See all of it in the console")
        roles = [word for role in _ROLES for word in ("--role", role)]
        self._do("people", "add", _PERSON, *roles)
        answer = httpx.get(f"{self._stage.console_url}/readyz", trust_env=False, timeout=_CONSOLE_SECONDS)
        if answer.status_code != HTTPStatus.OK:
            raise DemoFailed(f"The console answers {answer.status_code}.")
        self._screen.done(f"The console has every job, snapshot and key of this story: {self._stage.console_url}")
        self._proved.append("A console in the browser, with all of this on its pages.")
