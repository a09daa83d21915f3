"""Lists of tenants and jobs, and their filters."""

from collections.abc import Callable
from typing import Any

import pytest
import typer

from console.cli.tables import age_words
from shared.domain.errors import Code, Refuse
from shared.domain.jobs import JobState
from shared.ports.catalog.tenant import TenantCatalog
from tests.contract.catalog.world import World, snapshot

HOUR = 3600


def failed_job(world: World, tenant: TenantCatalog) -> str:
    job, claim = world.to_commit(tenant)
    tenant.claims.fail(claim, Code.GRAPH_FORBIDDEN, "Grant the permissions.")
    return job.job_id


def test_a_tenant_is_listed_with_its_last_result_its_newest_complete_snapshot_and_its_key(
    world: World, document: Callable[..., Any]
) -> None:
    acme, _ = world.add("acme"), world.add("bare")
    complete = world.backed_up(acme)
    job, claim = world.to_commit(acme)
    partial = snapshot(job, complete=False)
    acme.claims.commit(claim, partial, [], JobState.SUCCEEDED_WITH_WARNINGS, None)
    lost = failed_job(world, acme)
    acme.keys.refuse(acme.tenant().key_arn, "The owner must enable it.")
    tenants = {each["tenant"]: each for each in document("tenant", "list")}
    row = tenants["acme"]
    assert (row["last_snapshot"], row["last_complete_snapshot"]) == (partial.snapshot_id, complete.snapshot_id)
    assert row["last_complete_age_seconds"] >= 0
    result = row["last_result"]
    assert (result["job"], result["state"], result["code"]) == (lost, "failed", "GRAPH_FORBIDDEN")
    assert row["key_state"] == "revoked"
    assert (row["protection"], row["rpo_target_seconds"]) == ("held", None)
    assert row["rpo_seconds"] <= 60
    bare = tenants["bare"]
    assert (bare["last_result"], bare["last_complete_at"], bare["key_state"]) == (None, None, "ok")
    assert (bare["protection"], bare["rpo_seconds"]) == ("never", None)
    assert document("tenant", "show", "acme").keys() == row.keys()


def test_jobs_are_filtered_by_tenant_state_time_and_number(world: World, document: Callable[..., Any]) -> None:
    acme, other = world.add("acme"), world.add("other")
    old = failed_job(world, acme)
    world.pass_time(2 * HOUR)
    new = failed_job(world, acme)
    queued = world.planned(other).job_id

    def ids(*words: str) -> list[str]:
        return [job["id"] for job in document("jobs", "list", *words)]

    assert ids() == ids("--all-tenants") == [queued, new, old]
    assert ids("--tenant", "acme") == [new, old]
    assert ids("--state", "failed", "--limit", "1") == [new]
    assert ids("--state", "failed", "--state", "queued") == [queued, new, old]
    since = acme.jobs.get(new).created_at
    assert ids("--since", since.isoformat()) == [queued, new]
    assert ids("--since", f"{since:%Y-%m-%dT%H:%M:%S}") == [queued, new]
    assert ids("--since", "2100-01-01") == []
    with pytest.raises(Refuse, match="either --tenant or --all-tenants"):
        ids("--tenant", "acme", "--all-tenants")


@pytest.mark.parametrize("words", [("--since", "yesterday"), ("--state", "done"), ("--limit", "0")])
def test_an_invalid_filter_is_wrong_use(world: World, document: Callable[..., Any], words: list[str]) -> None:
    with pytest.raises(typer.BadParameter):
        document("jobs", "list", *words)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, None),
        (0, "<1 min"),
        (59, "<1 min"),
        (60, "1 min"),
        (119 * 60, "119 min"),
        (2 * HOUR, "2 h"),
        (47 * HOUR, "47 h"),
        (48 * HOUR, "2 d"),
    ],
)
def test_an_age_is_shown_in_a_suitable_unit(seconds: int | None, words: str | None) -> None:
    assert age_words(seconds) == words
