"""Fixtures of the stories: a browser for each process, a stack for each file, and pages whose complaints fail a story."""

from collections.abc import Iterator
from contextlib import AbstractContextManager

import pytest
from playwright.sync_api import Browser, Page

from tests.browser import chromium as installed
from tests.browser.stack import Stack, running_stack
from tests.browser.watched import Complaints, Visit, visit


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Yield the browser of this process. Stories are skipped where none is installed."""
    if installed.program() is None:
        pytest.skip(installed.MISSING)
    with installed.chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def stack(
    chromium: Browser, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Stack]:
    """Yield the stack of this file. ``GRAPH_OPTIONS`` and ``SETTINGS`` of the module choose its directory and settings."""
    options, settings = (
        getattr(request.module, name, empty) for name, empty in (("GRAPH_OPTIONS", ()), ("SETTINGS", {}))
    )
    with running_stack(tmp_path_factory.mktemp("stack"), *options, settings=settings) as running:
        yield running


@pytest.fixture
def complaints(stack: Stack) -> Iterator[Complaints]:
    """Yield the listener of a story. At its end, every unexpected complaint fails it."""
    listener = Complaints((stack.url, stack.graph.url))
    yield listener
    listener.check()


@pytest.fixture
def visiting(chromium: Browser, stack: Stack, complaints: Complaints) -> Visit:
    """Return a function that opens a browser context of its own."""

    def opened(**options: bool) -> AbstractContextManager[Page]:
        return visit(chromium, stack.url, complaints, **options)

    return opened
