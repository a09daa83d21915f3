"""Opening a catalog on any database: by its URL, without slow imports, and across forks."""

import os
import subprocess
import sys
import threading

import pytest

from shared.domain.errors import Code
from shared.domain.jobs import JobKind, Origin
from shared.ports.catalog.tenant import TenantCatalog
from tests.contract.catalog.world import OPEN, World, refused


@pytest.mark.postgresql
def test_a_current_catalog_is_opened_without_alembic(world: World) -> None:
    code = f"{OPEN}; sys.exit('alembic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code, world.url], check=False).returncode == 0


@pytest.mark.parametrize("url", ["", "nonsense", "oracle://u:hunter2@h/x", "made-up://u:hunter2@h/x"])
def test_an_invalid_url_is_refused_without_its_password(url: str) -> None:
    error = refused(url)
    assert error.code is Code.SETTINGS_INVALID
    assert "hunter2" not in error.message


@pytest.mark.postgresql
def test_a_child_after_fork_uses_connections_of_its_own(world: World, acme: TenantCatalog) -> None:
    job, _ = acme.jobs.request(JobKind.KEY_CHECK, origin=Origin.HAND)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            acme.jobs.cancel(job.job_id)
            world.scheduler.record_tick()
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    assert acme.jobs.get(job.job_id).state == "cancelled"
    assert world.scheduler.last_tick() is not None


@pytest.mark.postgresql
def test_a_child_forked_during_a_write_can_write(world: World) -> None:
    finish = threading.Event()

    def write() -> None:
        while not finish.wait(0.002):
            world.scheduler.record_heartbeat("parent", 1)

    writing = threading.Thread(target=write)
    writing.start()
    try:
        for _ in range(30):
            child = os.fork()
            if child == 0:
                status = 1
                try:
                    world.scheduler.record_tick()
                    status = 0
                finally:
                    os._exit(status)
            assert os.waitpid(child, 0)[1] == 0
    finally:
        finish.set()
        writing.join()


def test_a_catalog_may_be_closed_twice(world: World) -> None:
    world.catalog.close()
    world.catalog.close()
