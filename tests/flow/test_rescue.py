"""The stand-alone script writes the same bytes as a download, and opens nothing of a shredded tenant."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from io import BytesIO

import pytest

from shared.domain.model import Tenant
from shared.engine.snapshots.download import download
from tests.commands import Commands
from tests.flow.stack import BUCKET, TOP, Stack, running_stack

pytestmark = pytest.mark.flow


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Yield a stack with a bucket that keeps every version."""
    with running_stack(tmp_path_factory.mktemp("rescue")) as stack:
        versions = {"Status": "Enabled"}
        stack.aws.client("s3").put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration=versions)
        stack.start("beat", "worker")
        yield stack


def rescue(stack: Stack, tenant: Tenant, snapshot: str) -> "subprocess.CompletedProcess[bytes]":
    """Run the script for a snapshot."""
    words = [stack.store, tenant.tenant_id, snapshot, "--key", tenant.key_arn]
    command = [sys.executable, str(TOP / "rescue.py"), *words]
    return subprocess.run(command, cwd=stack.home, capture_output=True, timeout=60, check=False)


def test_the_script_writes_the_bytes_of_a_download(stack: Stack) -> None:
    tenant = stack.add("rescued", directory=stack.graph.add_directory(60))
    stack.backup(tenant)
    with closing(stack.graph.directory(tenant.directory_id)) as graph:
        user, other = graph.ids("users")[:2]
        graph.change(("delete", f"users/{user}"), ("update", f"users/{other}", {"displayName": "changed"}))
    stack.backup(tenant)
    runs = stack.catalog_of(tenant).snapshots.runs(stack.snapshot(tenant).snapshot_id)
    assert len({run.job_id for run in runs}) == 2

    for snapshot in stack.catalog_of(tenant).snapshots.all():
        expected = BytesIO()
        assert download(stack.context, tenant, snapshot.snapshot_id, expected)
        done = rescue(stack, tenant, snapshot.snapshot_id)
        assert done.returncode == 0, done.stderr.decode()
        assert done.stdout == expected.getvalue()


def test_no_blob_of_a_shredded_tenant_opens_in_any_version(stack: Stack) -> None:
    tenant = stack.add("contoso", directory=stack.graph.add_directory(40))
    stack.backup(tenant)
    snapshot = stack.snapshot(tenant)
    assert rescue(stack, tenant, snapshot.snapshot_id).returncode == 0

    shell = Commands(stack.home, stack.environment)
    shell.refused("tenant", "remove", "contoso", "--shred", code="WRONG_USE", status=2)
    certificate = json.loads(shell.run("tenant", "remove", "contoso", "--shred", "--yes", "--json")[0])

    assert certificate["unreadable"] == [{"snapshot": snapshot.snapshot_id, "data_key": snapshot.data_key_id}]
    prefix = f"entrakeep/{tenant.tenant_id}/keys/"
    versions = stack.aws.client("s3").list_object_versions(Bucket=BUCKET, Prefix=prefix)
    assert versions.get("Versions", []) == versions.get("DeleteMarkers", []) == []
    assert rescue(stack, tenant, snapshot.snapshot_id).returncode == 1
    rebuilt = shell.document("catalog", "rebuild")
    assert isinstance(rebuilt, list)
    assert tenant.tenant_id not in {outcome["tenant_id"] for outcome in rebuilt}
    trail = shell.document("audit", "verify", "contoso")
    assert isinstance(trail, dict)
    assert trail["fault"] is None
