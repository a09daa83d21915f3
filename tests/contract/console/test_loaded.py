"""The front process holds nothing that could open a backup: looked at after every page was served."""

import subprocess
import sys

_PROGRAM = """
import sys, tempfile
from pathlib import Path
from tests.contract.console.served import served_console
from tests.contract.console.test_queries import PAGES, path_of
from console.web.routes import ROUTES
from shared.domain.access import Role
with served_console(Path(tempfile.mkdtemp())) as console:
    tenant = console.world.add("acme")
    console.ids = {"snapshot": console.world.backed_up(tenant).snapshot_id, "job": tenant.jobs.recent()[0].job_id}
    people = [console.as_(Role.OPERATOR), console.as_(Role.ADMIN, "acme")]
    served = {browser.get(path_of(route, console.ids)).status_code for route in PAGES for browser in people}
    public = {console.nobody().get(route.path).status_code for route in ROUTES if route.method == "GET"}
assert 200 in served and 200 in public
print("\\n".join(sorted(sys.modules)))
"""
_NEVER = (
    *("boto3", "botocore", "azure", "msgraph", "kiota_http", "celery", "redis", "pyrage", "cbor2"),
    *("shared.vault", "shared.aws", "shared.engine.snapshots", "shared.engine.compare", "shared.engine.restore"),
    *("shared.engine.backup", "shared.engine.keys", "shared.engine.tenants.onboarding", "shared.adapters.kms"),
    *("shared.adapters.blobs", "shared.adapters.graph"),
)


def test_after_all_pages_neither_aws_nor_vault_nor_content_is_loaded() -> None:
    done = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    loaded = done.stdout.split()
    assert "console.web.pages.overview" in loaded
    assert [name for name in loaded if any(name == each or name.startswith(f"{each}.") for each in _NEVER)] == []
