"""``entrakeep key`` on a catalog without a stack: permission, and the policy by what the workers have reported."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shared.engine.requests.customer_keys import request_enable
from tests.commands import Commands
from tests.contract.catalog.world import World

ROLE, OTHER = (f"arn:aws:iam::111122223333:role/{name}" for name in ("workers", "others"))
OWN = "arn:aws:kms:us-east-1:444455556666:key/0f3e5a3c-7c1e-4a3d-9a44-5d2f4b1c8e07"


@pytest.fixture
def shell(tmp_path: Path, world: World) -> Commands:
    world.add("contoso")
    return Commands(tmp_path, {"ENTRAKEEP_HOME": str(tmp_path)})


def run(shell: Commands, *words: str) -> str:
    out, err = shell.run(*words)
    return out.decode() + err


def test_a_permission_is_given_and_taken_back(shell: Commands, world: World) -> None:
    keys = world.catalog.tenant(world.catalog.find("contoso").tenant_id).customer_keys
    assert "Allowed: contoso may have its own key." in run(shell, "key", "allow", "contoso")
    assert keys.allowed() is not None
    assert "Taken back: contoso may not have its own key." in run(shell, "key", "allow", "contoso", "--take-back")
    assert keys.allowed() is None
    assert "had no permission" in run(shell, "key", "allow", "contoso", "--take-back")


def test_the_policy_names_the_workers_that_have_reported_and_needs_no_aws_settings(
    shell: Commands, world: World, document: Callable[..., Any]
) -> None:
    for worker, role in (("a", ROLE), ("b", ROLE)):
        world.scheduler.record_heartbeat(worker, 1)
        world.scheduler.record_identity(worker, "111122223333", role)
    policy = document("key", "policy", "contoso")
    assert (policy["account"], policy["principals"]) == ("111122223333", [ROLE])
    world.scheduler.record_identity("b", "111122223333", OTHER)
    assert document("key", "policy", "contoso")["principals"] == [OTHER, ROLE]
    assert "The workers differ" in run(shell, "key", "policy", "contoso")
    named = run(shell, "key", "policy", "contoso", "--principal", OTHER, "--arn", f" {OWN}\n")
    assert ROLE not in named
    assert f"--key-id {OWN} " in named


def test_the_state_of_a_key_has_its_permission_and_its_latest_change(
    shell: Commands, world: World, document: Callable[..., Any]
) -> None:
    acme = world.catalog.tenant(world.catalog.find("contoso").tenant_id)
    assert document("key", "show", "contoso")["allowed_since"] is None
    acme.customer_keys.allow()
    job = request_enable(acme, OWN, "person:ana")
    shown = document("key", "show", "contoso")
    assert shown["allowed_since"] is not None
    assert shown["agreed"] is None, "the key is still the operator's"
    assert (shown["change"]["job"], shown["change"]["asked_by"], shown["change"]["arn"]) == (
        job.job_id,
        "person:ana",
        OWN,
    )
    assert f"job {job.job_id} queued: 0 data keys moved" in run(shell, "key", "show", "contoso")
