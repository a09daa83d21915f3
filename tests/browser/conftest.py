"""Fixtures of the stories: a browser for each process, a stack for each file, and browsers whose complaints fail a story."""

from collections.abc import Iterator
from contextlib import AbstractContextManager

import pytest
from playwright.sync_api import Browser, Page

from tests.browser import chromium as installed
from tests.browser.blind import assert_blind
from tests.browser.persons import Person, set_up
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
def settings(request: pytest.FixtureRequest) -> dict[str, str]:
    """Return the settings of the module's stack: ``SETTINGS``, and a database of its own if it sets ``POSTGRESQL``."""
    settings: dict[str, str] = getattr(request.module, "SETTINGS", {})
    if not getattr(request.module, "POSTGRESQL", False):
        return settings
    postgres, migrated = (request.getfixturevalue(name) for name in ("postgres", "migrated"))
    return {**settings, "ENTRAKEEP_DATABASE_URL": postgres.url(postgres.new_database(migrated))}


@pytest.fixture(scope="module")
def stack(
    chromium: Browser,
    settings: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Iterator[Stack]:
    """Yield the stack of this file, with the directory of its ``GRAPH_OPTIONS``. At the end it is searched for secrets."""
    options = getattr(request.module, "GRAPH_OPTIONS", ("--users", "20", "--groups", "3"))
    with running_stack(tmp_path_factory.mktemp("stack"), *options, settings=settings) as running:
        yield running
        assert_blind(running)


@pytest.fixture(scope="module")
def complaints(stack: Stack) -> Complaints:
    """Return what the browsers of this file complain about."""
    return Complaints((stack.url, stack.graph.url))


@pytest.fixture(autouse=True)
def no_complaints(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail the story if a browser complained about something that the story did not expect."""
    yield
    if "complaints" in request.fixturenames:
        request.getfixturevalue("complaints").check()


@pytest.fixture(scope="module")
def visiting(chromium: Browser, stack: Stack, complaints: Complaints) -> Visit:
    """Return a function that opens a browser of its own, with nothing stored."""

    def opened(**options: bool) -> AbstractContextManager[Page]:
        return visit(chromium, stack.url, complaints, stack.secrets, **options)

    return opened


@pytest.fixture(scope="module")
def ana(stack: Stack, visiting: Visit) -> Person:
    """Return the first person, who has every role."""
    with visiting(passkeys=True) as page:
        return set_up(stack, page)
