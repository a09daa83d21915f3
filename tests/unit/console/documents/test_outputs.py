"""The output of commands with ``--json`` fits the schemas of ``docs/schemas``."""

import json
from collections.abc import Callable
from typing import Any

from shared.domain.errors import Code
from shared.domain.jobs import (
    Check,
    DamagedBlob,
    JobKind,
    KeyChangeProgress,
    KeyChecks,
    UnmovedKey,
    VerifyResult,
    steps_of,
)
from shared.domain.model import Schedule
from shared.domain.trust import Untrusted
from tests.contract.catalog.world import ARN, NOW, OTHER_ARN, REVOKED, World, new_id
from tests.generated.schemas import check


def test_lists_and_pages_of_a_tenant_match_their_schemas(world: World, document: Callable[..., Any]) -> None:
    assert document("tenant", "list") == document("jobs", "list") == []
    assert document("resources")
    acme = world.add("acme")
    assert document("schedule", "show", "acme") is None
    acme.schedules.set(Schedule(cron="0 3 * * *", timezone="Europe/Berlin", paused=False, next_due=NOW))
    world.backed_up(acme)
    acme.upkeep.note_untrusted([Untrusted(arn=OTHER_ARN, data_keys=2, manifests=0)])
    world.probed(acme, REVOKED)
    acme.keys.refuse(ARN, "Disabled.")
    assert document("tenant", "show", "acme")["schedule"]["cron"] == "0 3 * * *"
    assert document("schedule", "show", "acme")["next"]
    assert document("snapshots", "acme")[0]["resources"]
    key = document("key", "show", "acme")
    assert (key["state"], len(key["history"]), key["untrusted"][0]["arn"]) == ("revoked", 1, OTHER_ARN)
    assert {event["action"] for event in document("audit", "show", "acme")} >= {"tenant.added", "key.refused"}
    assert document("audit", "show", "--installation")[0]["action"] == "tenant.added"


def test_jobs_of_every_kind_match_their_schemas(world: World, document: Callable[..., Any]) -> None:
    acme = world.add("acme")
    job = document("backup", "acme")["job"]
    assert document("jobs", "show", job)["hindrances"][0]["code"] == Code.STACK_NOT_RUNNING
    assert document("jobs", "cancel", job)["state"] == "cancelled"
    retried = document("jobs", "retry", job)["job"]
    document("jobs", "cancel", retried)
    damaged = [DamagedBlob("b", None, "BLOB_MISSING")]
    unmoved = [UnmovedKey(blob="b", reason=Code.BLOB_DAMAGED)]
    for kind, detail in (
        (JobKind.VERIFY, VerifyResult(snapshots=1, blobs=2, damaged=damaged, strays=["README"])),
        (JobKind.KEY_CHECK, KeyChecks(arn=ARN, checks=[Check(check="form", outcome="passed")])),
        (JobKind.KEY_UPDATE, KeyChangeProgress(arn=ARN, before=OTHER_ARN, moved=2, left=unmoved)),
    ):
        row = world.planned(acme, steps_of(kind), kind=kind)
        acme.claims.fail(world.claim(acme, row, kind), Code.BLOB_DAMAGED, "It is damaged.", detail=detail)
        page = document("jobs", "show", row.job_id)
        assert page.keys() > {"hindrances", "resources"}
        assert page.keys() & {"damaged", "checks", "moved"}
    assert len(document("jobs", "list", "--tenant", "acme")) == 5


def test_records_match_their_schema_line_by_line() -> None:
    line = json.dumps({"key": f"users/{new_id()}", "value": {"displayName": "Ada"}}).encode()
    check(["browse", "acme", "latest"], line + b"\n" + line + b"\n")
