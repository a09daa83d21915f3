"""A process that uses data keys writes no core dump, and can still link its unnamed files to a name."""

import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from shared import wiring

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="prctl(2) is Linux's")

UNPRIVILEGED = """
import ctypes, os, resource, signal, sys
from console.download_file import to_file
from shared.adapters.seclusion import seclude
_, most = resource.getrlimit(resource.RLIMIT_CORE)
resource.setrlimit(resource.RLIMIT_CORE, (most, most))
os.chdir(sys.argv[1])
if os.getuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
seclude()
with to_file("download") as file:
    file.write(b"records")
if os.fork() == 0:
    dumpable = ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)
    os._exit(dumpable or resource.getrlimit(resource.RLIMIT_CORE)[0])
assert os.wait()[1] == 0, "a fork may dump core"
os.kill(os.getpid(), signal.SIGSEGV)
"""


def test_a_secluded_process_writes_no_core_dump_and_can_still_link_a_download_to_its_name() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        ended = subprocess.run(
            [sys.executable, "-c", UNPRIVILEGED, folder], capture_output=True, text=True, check=False
        )
        assert (ended.returncode, ended.stderr) == (-signal.SIGSEGV, "")
        assert [(file.name, file.read_bytes()) for file in Path(folder).iterdir()] == [("download", b"records")]


ENGINE = """
import ctypes
from shared import wiring
wiring.{make}
assert ctypes.CDLL(None).prctl(3, 0, 0, 0, 0) == 0
"""


@pytest.mark.parametrize("make", ["command_context()", "worker_context(wiring.celery_app())", "probing()"])
def test_every_process_that_may_use_data_keys_is_secluded(make: str, tmp_path: Path) -> None:
    settings = {
        "ENTRAKEEP_HOME": str(tmp_path),
        "ENTRAKEEP_PROVIDER_KEY_ARN": "arn:aws:kms:eu-central-1:111122223333:key/0f3e5a3c-7c1e-4a3d-9a44-000000000001",
        "AWS_REGION": "eu-central-1",
    }
    tmp_path.joinpath("store").mkdir()
    environment = wiring.bare_environment() | settings
    subprocess.run([sys.executable, "-c", ENGINE.format(make=make)], env=environment, check=True)
