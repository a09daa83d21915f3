"""A folder store with an unmounted disk: nothing is written to the mount point, and work continues after the mount."""

import json
from pathlib import Path

import pytest

from shared.domain.audit import Action, event_of
from shared.domain.errors import Code
from shared.domain.jobs import JobKind, JobState, Origin
from tests.commands import Commands
from tests.flow.stack import running_stack, until

pytestmark = pytest.mark.flow


def test_an_unmounted_disk_suspends_work_until_it_is_mounted_again(tmp_path: Path) -> None:
    place, disk = tmp_path / "mnt", tmp_path / "disk"
    place.mkdir()
    with running_stack(tmp_path, "--users", "10", store=place.as_uri()) as stack:
        stack.start("beat", "worker")
        tenant, shell = stack.add("contoso"), Commands(stack.home, stack.environment)
        stack.backup(tenant)
        place.rename(disk)
        place.mkdir()

        jobs = stack.catalog_of(tenant).jobs
        job, _ = jobs.request(JobKind.BACKUP, origin=Origin.HAND, full=True)
        until(lambda: any(step.trouble for step in jobs.steps(job.job_id)), "a step waits for the store")
        job_document = shell.document("jobs", "show", job.job_id)
        assert isinstance(job_document, dict)
        assert (job_document["state"], job_document["code"]) == ("running", Code.STORE_NOT_OURS)
        shell.refused("download", "contoso", "latest", "-o", "-", code="STORE_NOT_OURS", status=1)
        out, err = shell.run("store", "show", "--json", status=1)
        assert json.loads(out)["state"] == "missing"
        assert err.startswith("STORE_NOT_OURS: ")
        assert err.count(place.as_uri()) == 2, "both places are named"
        assert list(place.iterdir()) == []

        place.rmdir()
        disk.rename(place)
        until(lambda: jobs.get(job.job_id).state is JobState.SUCCEEDED, "the backup went on by itself", 90)
        place.rename(disk)
        place.mkdir()
        assert b"belongs to this catalog now" in shell.run("store", "adopt", "--yes")[0]
        assert json.loads(shell.run("store", "show", "--json")[0])["state"] == "ours"
        assert event_of(stack.catalog_of(tenant).audit.recent(1)[0]).action == Action.STORE_ADOPTED
