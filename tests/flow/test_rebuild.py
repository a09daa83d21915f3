"""One command rebuilds a lost catalog from the bucket and KMS, and backups continue from there."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from shared import wiring
from shared.domain.errors import Code
from shared.domain.jobs import JobState
from shared.domain.model import Snapshot, Tenant
from tests.commands import Commands
from tests.flow.shell import write_private
from tests.flow.stack import Stack, running_stack, same
from tests.parts import SECRET

pytestmark = pytest.mark.flow


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Yield one stack for all tests. Their order matters: the bucket is empty first, and the last test adds a snapshot."""
    options = ("--users", "60", "--groups", "8", "--applications", "9", "--policies", "3")
    with running_stack(tmp_path_factory.mktemp("rebuild"), *options) as stack:
        yield stack


def command(stack: Stack, *words: str, status: int = 0) -> tuple[str, str]:
    """Run a command. Return its standard output and standard error. It must end with this status."""
    out, err = Commands(stack.home, stack.environment).run(*words, status=status)
    return out.decode(), err


@dataclass
class Before:
    """What a tenant had before its catalog was lost: two snapshots, and the records of each, oldest first."""

    tenant: Tenant
    snapshots: list[Snapshot]
    records: list[dict[str, bytes]]


@pytest.fixture(scope="module")
def before(stack: Stack) -> Before:
    """Return a tenant after two backups and the end of beat and worker."""
    stack.start("beat", "worker")
    tenant = stack.add("contoso")
    stack.backup(tenant)
    first = stack.graph.records()
    user, other, *_ = stack.graph.ids("users")
    stack.graph.change(("delete", f"users/{user}"), ("update", f"users/{other}", {"displayName": "changed"}))
    stack.backup(tenant)
    for name in ("beat", "worker"):
        stack.kill(name)
    return Before(tenant, stack.catalog_of(tenant).snapshots.all(), [first, stack.graph.records()])


@pytest.fixture
def lost_catalog(stack: Stack, before: Before) -> Before:
    """Delete the catalog. Return what the tenant had in it."""
    stack.context.catalog.close()
    for file in stack.home.glob("catalog.sqlite3*"):
        file.unlink()
    return before


def test_a_store_without_a_tenant_is_reported_in_one_sentence(stack: Stack) -> None:
    out, err = command(stack, "catalog", "rebuild", status=1)
    assert (out, err) == ("", "NO_SUCH_TENANT: The store holds no tenant; check ENTRAKEEP_STORE_URL.\n")


@pytest.mark.usefixtures("lost_catalog")
def test_a_rebuild_without_the_key_restores_nothing_and_reports_why(stack: Stack) -> None:
    stack.aws.client("kms").disable_key(KeyId=stack.environment["ENTRAKEEP_PROVIDER_KEY_ARN"])
    out, err = command(stack, "catalog", "rebuild", "--json", status=1)
    (outcome,) = json.loads(out)
    assert (outcome["snapshots"], outcome["data_keys"], outcome["code"]) == (0, 0, "KEY_ACCESS_REVOKED")
    assert err.startswith(f"KEY_ACCESS_REVOKED: {outcome['tenant_id']}: ")
    stack.aws.client("kms").enable_key(KeyId=stack.environment["ENTRAKEEP_PROVIDER_KEY_ARN"])
    out, _ = command(stack, "catalog", "rebuild", "--json")
    (outcome,) = json.loads(out)
    assert outcome == {
        "tenant": "contoso",
        "tenant_id": outcome["tenant_id"],
        "snapshots": 2,
        "data_keys": 3,
        "damaged": [],
        "strays": [],
        "untrusted": [],
        "other_key": None,
        "code": None,
        "message": None,
    }


def test_a_lost_catalog_is_rebuilt_and_backups_continue(stack: Stack, lost_catalog: Before) -> None:
    tenant = lost_catalog.tenant
    out, err = command(stack, "catalog", "rebuild")
    assert out.startswith("contoso: restored with 2 snapshots and 3 data keys, without a schedule.")
    assert "entrakeep tenant update contoso --client-secret-file FILE" in out
    assert err == ""
    stack.context = wiring.command_context()
    assert stack.catalog_of(tenant).tenant() == tenant
    assert stack.catalog_of(tenant).snapshots.all() == lost_catalog.snapshots
    for snapshot, records in zip(
        sorted(lost_catalog.snapshots, key=lambda each: each.created_at), lost_catalog.records, strict=True
    ):
        same(stack.download(tenant, snapshot.snapshot_id), records)
    assert command(stack, "catalog", "rebuild")[0] == "contoso: nothing was missing.\n"

    stack.start("beat", "worker")
    failed = stack.backup(tenant, state=JobState.FAILED)
    assert failed.code is Code.GRAPH_SIGN_IN_FAILED
    assert (failed.message or "").startswith("The rebuilt catalog holds no credential")
    write_private(stack.home / "secret", SECRET)
    command(stack, "tenant", "update", "contoso", "--client-secret-file", "secret")
    stack.graph.change(("update", f"users/{stack.graph.ids('users')[0]}", {"displayName": "changed since"}))
    stack.backup(tenant)
    newest = stack.snapshot(tenant)
    assert newest.parent in {each.snapshot_id for each in lost_catalog.snapshots}
    same(stack.download(tenant), stack.graph.records())
