"""A browser whose every complaint fails the story: console errors, CSP violations, foreign requests, answers of 5xx."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, Response

Visit = Callable[..., AbstractContextManager[Page]]
"""Opens a browser with nothing stored. Its options are those of ``visit``."""
WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 320, "height": 700}


class Complaints:
    """What a browser complained about. ``expected`` are parts of texts that a story causes on purpose."""

    def __init__(self, origins: tuple[str, ...]) -> None:
        self._origins = origins
        self._all: list[str] = []
        self._expected: list[str] = []

    def expect(self, *texts: str) -> None:
        """Ignore complaints that contain one of these texts from now on."""
        self._expected += texts

    def watch(self, context: BrowserContext) -> None:
        """Listen to all pages of a context."""
        context.on("console", self._console)
        context.on("weberror", lambda error: self._add(f"exception: {error.error}"))
        context.on("request", self._request)
        context.on("response", self._response)

    def _console(self, message: ConsoleMessage) -> None:
        # Chromium reports each answer of 4xx as an error. Stories get such answers on purpose, and look at the page instead.
        if message.type in ("error", "warning") and "the server responded with a status of 4" not in message.text:
            self._add(f"console {message.type}: {message.text} at {message.location}")

    def _request(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme in ("data", "blob", "about"):
            return
        if f"{address.scheme}://{address.netloc}" not in self._allowed(request):
            self._add(f"foreign request: {request.resource_type} {request.url}")

    def _allowed(self, request: Request) -> tuple[str, ...]:
        """Return the origins that a request may go to. Only whole pages may come from the authority that signs people in."""
        return self._origins if request.is_navigation_request() else self._origins[:1]

    def _response(self, response: Response) -> None:
        if response.status >= 500:
            self._add(f"answer {response.status}: {response.url}")

    def _add(self, text: str) -> None:
        self._all.append(text)

    def check(self) -> None:
        """Assert that there was no complaint but those that the story expected. Forget both."""
        unexpected = [each for each in self._all if not any(text in each for text in self._expected)]
        self._all, self._expected = [], []
        assert not unexpected, "\n".join(unexpected)


@contextmanager
def visit(
    browser: Browser,
    url: str,
    complaints: Complaints,
    secrets: set[str],
    *,
    scripts: bool = True,
    narrow: bool = False,
    passkeys: bool = False,
) -> Iterator[Page]:
    """Yield a page of a new context, with nothing stored, that starts at the console's address.

    The cookies that it gets, except those of preferences, are added to ``secrets``.
    """
    context = browser.new_context(
        base_url=url,
        viewport=NARROW if narrow else WIDE,  # type: ignore[arg-type]
        java_script_enabled=scripts,
        ignore_https_errors=True,  # of the simulated authority
        locale="en-GB",
        timezone_id="Europe/Berlin",
        reduced_motion="reduce",
    )
    context.set_default_timeout(30_000)
    complaints.watch(context)
    if passkeys:
        context.credentials.install()
    try:
        yield context.new_page()
    finally:
        secrets |= {cookie["value"] for cookie in context.cookies(url) if cookie["name"].startswith("__Host-")}
        context.close()
