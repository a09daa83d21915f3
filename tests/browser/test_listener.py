"""The listener of the stories hears what they rely on, and axe runs under the console's content security policy."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Browser

from tests.browser.accessible import violations
from tests.browser.watched import Complaints, visit

pytestmark = pytest.mark.browser

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "require-trusted-types-for 'script'; trusted-types htmx"
)
_FRAME = (
    '<!doctype html><html lang="en"><head><title>Page</title></head><body><main><h1>Page</h1>%s</main></body></html>'
)
_PAGES = {
    "/good": "<p>All is well.</p>",
    "/inline": "<script>document.title = 'changed'</script>",
    "/styled": '<p style="color: red">Red</p>',
    "/foreign": '<img alt="" src="http://127.0.0.1:9/x.png">',
    "/throws": '<script src="/throws.js"></script>',
    "/broken-picture": '<img alt="" src="/broken.png">',
    "/unlabelled": "<input>",
}


class _Pages(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        script = self.path == "/throws.js"
        body = b"throw new Error('oops')" if script else (_FRAME % _PAGES.get(self.path, "")).encode()
        self.send_response(503 if self.path == "/broken.png" else 200)
        self.send_header("Content-Type", "text/javascript" if script else "text/html")
        self.send_header("Content-Security-Policy", _POLICY)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Write no log."""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Pages)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://localhost:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("path", "complaint"),
    [
        ("/inline", "Content Security Policy"),
        ("/styled", "Content Security Policy"),
        ("/foreign", "foreign request: image http://127.0.0.1:9/x.png"),
        ("/throws", "exception: oops"),
        ("/broken-picture", "answer 503"),
    ],
)
def test_a_complaint_of_the_browser_fails_a_story_unless_it_is_expected(
    chromium: Browser, address: str, path: str, complaint: str
) -> None:
    complaints = Complaints((address,))
    for expected in ([], [""]):
        complaints.expect(*expected)
        with visit(chromium, address, complaints, set()) as page:
            page.goto(path, wait_until="networkidle")
        if expected:
            complaints.check()
        else:
            with pytest.raises(AssertionError, match=complaint.replace(".", "[.]")):
                complaints.check()


def test_axe_names_the_element_that_breaks_a_rule_and_causes_no_complaint(chromium: Browser, address: str) -> None:
    complaints = Complaints((address,))
    with visit(chromium, address, complaints, set()) as page:
        page.goto("/good")
        assert violations(page) == []
        page.goto("/unlabelled")
        assert any("label" in line and "input" in line for line in violations(page))
    complaints.check()
