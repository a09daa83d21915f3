"""Fixtures and hooks for all folders of tests."""

import gc
import os
import shutil
import signal
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.parts import aws_simulator_fixture, graph_simulator_fixture, redis_server_fixture
from tests.postgres import catalog_database_fixture, migrated_fixture, postgres_fixture, shared_database_fixture

__all__ = [
    "aws_simulator_fixture",
    "catalog_database_fixture",
    "graph_simulator_fixture",
    "migrated_fixture",
    "postgres_fixture",
    "redis_server_fixture",
    "shared_database_fixture",
]

# An example has no time limit: on a busy machine, 200 milliseconds say nothing about the code.
settings.register_profile("on any machine", deadline=None)
settings.load_profile("on any machine")

_MEMORY, _ENOUGH_BYTES = Path("/dev/shm"), 4 << 30
_SHARED_STACK = Path(__file__).parent / "flow" / "restore"
"""The folder of the flow tests that use one stack in turn."""


def pytest_configure() -> None:
    """Put temporary folders into memory where there is room: a catalog syncs every commit, and tests would wait for a disk.

    ``PYTEST_DEBUG_TEMPROOT`` and ``--basetemp`` choose another place. A shell starts background jobs with Ctrl-C ignored, and
    the processes that tests interrupt would inherit that.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    usable = os.access(_MEMORY, os.W_OK) and not os.statvfs(_MEMORY).f_flag & os.ST_NOEXEC
    if usable and shutil.disk_usage(_MEMORY).free > _ENOUGH_BYTES:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_MEMORY))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put half of the files of flow tests first and the other half in the middle, the longest tests at the beginning.

    Flow tests wait and other tests compute. Four processes take a fourth of the list each. Two begin with flow tests
    and two with other tests, so the cores are busy from start to end. A file of few tests has long ones. What is left for
    the end is short, so that all processes end at the same time. Files that share a stack are in one half, side by side.
    """
    flow: dict[Path, list[pytest.Item]] = {}
    rest: list[pytest.Item] = []
    for item in items:
        (flow.setdefault(item.path, []) if item.get_closest_marker("flow") else rest).append(item)
    sharing = [file for path, file in flow.items() if path.parent == _SHARED_STACK]
    files = sorted((file for path, file in flow.items() if path.parent != _SHARED_STACK), key=len)
    first, second = ([item for file in half for item in file] for half in ([*sharing, *files[1::2]], files[::2]))
    half = max(0, len(items) // 2 + 2 - len(first))  # one item earlier would belong to the second process
    items[:] = [*first, *rest[:half], *second, *rest[half:]]


def pytest_collection_finish() -> None:
    """Exempt the objects of all modules from garbage collection. Scanning them took a fourth of the time."""
    gc.freeze()
    gc.set_threshold(700, 10, 100)


@pytest.fixture(scope="session", autouse=True)
def collected_at_last() -> Iterator[None]:
    """Collect garbage after the last test, so that every resource left open is reported."""
    yield
    gc.unfreeze()
    gc.collect()


_tests: Counter[str] = Counter()
_seconds: dict[str, float] = defaultdict(float)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Add up the durations of each folder's tests.

    With xdist, the first process receives the reports of all processes.
    """
    folder = report.nodeid.partition("::")[0].rpartition("/")[0]
    _tests[folder] += report.when == "call"
    _seconds[folder] += report.duration


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the time of each folder. Processes that run tests at the same time each count their own seconds."""
    if _seconds:
        terminalreporter.section("seconds by folder")
    for folder, seconds in sorted(_seconds.items(), key=lambda each: -each[1]):
        terminalreporter.write_line(f"{seconds:8.1f} s {_tests[folder]:6} tests  {folder}")
