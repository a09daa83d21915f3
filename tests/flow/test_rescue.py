"""The stand-alone script opens the product's backups and writes the same bytes as a download."""

import subprocess
import sys
from io import BytesIO
from pathlib import Path

import pytest

from shared.engine.snapshots.download import download
from tests.flow.stack import TOP, running_stack

pytestmark = pytest.mark.flow


def test_the_script_writes_the_bytes_of_a_download(tmp_path: Path) -> None:
    with running_stack(tmp_path, "--users", "40", "--groups", "8", "--applications", "9", "--policies", "3") as stack:
        stack.start("beat", "worker")
        tenant = stack.add("rescued")
        stack.backup(tenant)
        user, other = stack.graph.ids("users")[:2]
        stack.graph.change(("delete", f"users/{user}"), ("update", f"users/{other}", {"displayName": "changed"}))
        stack.backup(tenant)
        assert (
            len({run.job_id for run in stack.catalog_of(tenant).snapshots.runs(stack.snapshot(tenant).snapshot_id)})
            == 2
        )

        for snapshot in stack.catalog_of(tenant).snapshots.all():
            expected = BytesIO()
            assert download(stack.context, tenant, snapshot.snapshot_id, expected)
            words = [stack.store, tenant.tenant_id, snapshot.snapshot_id, "--key", tenant.key_arn]
            command = [sys.executable, str(TOP / "rescue.py"), *words]
            done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=60, check=False)
            assert done.returncode == 0, done.stderr.decode()
            assert done.stdout == expected.getvalue()
