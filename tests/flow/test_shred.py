"""Shred a tenant by command, in a bucket that keeps every version."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands import Commands
from tests.flow.stack import BUCKET, TOP, running_stack

pytestmark = pytest.mark.flow


def test_no_blob_of_a_shredded_tenant_opens_in_any_version(tmp_path: Path) -> None:
    with running_stack(tmp_path, "--users", "30", "--groups", "4") as stack:
        s3 = stack.aws.client("s3")
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        stack.start("beat", "worker")
        tenant = stack.add("contoso")
        stack.backup(tenant)
        snapshot = stack.snapshot(tenant)
        words = [stack.store, tenant.tenant_id, snapshot.snapshot_id, "--key", tenant.key_arn]
        rescue = [sys.executable, str(TOP / "rescue.py"), *words]
        assert subprocess.run(rescue, capture_output=True, timeout=60, check=False).returncode == 0

        shell = Commands(stack.home, stack.environment)
        shell.refused("tenant", "remove", "contoso", "--shred", code="WRONG_USE", status=2)
        certificate = json.loads(shell.run("tenant", "remove", "contoso", "--shred", "--yes", "--json")[0])

        assert certificate["unreadable"] == [{"snapshot": snapshot.snapshot_id, "data_key": snapshot.data_key_id}]
        versions = s3.list_object_versions(Bucket=BUCKET, Prefix=f"entrakeep/{tenant.tenant_id}/keys/")
        assert versions.get("Versions", []) == versions.get("DeleteMarkers", []) == []
        assert subprocess.run(rescue, capture_output=True, timeout=60, check=False).returncode == 1
        shell.refused("catalog", "rebuild", code="NO_SUCH_TENANT", status=1)
        assert shell.document("audit", "verify", "contoso")["fault"] is None  # type: ignore[index]
