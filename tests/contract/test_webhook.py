"""Notices over HTTP: what is posted, what counts as taken, and that nobody is believed to be somebody else."""

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme

from shared.adapters.webhook import Webhook
from shared.domain.errors import Code, Refuse
from shared.domain.key_health import KeyCondition
from shared.ports.notices import Notice, Noticed, NotTaken
from tests.parts import free_port

NOTICE = Notice(
    tenant="contoso",
    tenant_id="t",
    event=7,
    state=KeyCondition.REVOKED,
    code=Code.KEY_ACCESS_REVOKED,
    message="The KMS key is disabled.",
    arn="arn:aws:kms:eu-central-1:111122223333:key/one",
    at=datetime(2026, 5, 1, 12, 0, tzinfo=UTC),
    warnings=[Noticed(warning="deletion", message="It will be deleted.", at=None)],
)


class Listener(ThreadingHTTPServer):
    """Answers with ``status``; keeps what was posted."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.status = 204
        self.posted: list[tuple[str, str, Any]] = []


class Handler(BaseHTTPRequestHandler):
    server: Listener

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posted.append((self.path, self.headers["Content-Type"], json.loads(body)))
        self.send_response(self.server.status)
        if self.server.status == 302:
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def listening(context: ssl.SSLContext | None = None) -> Iterator[Listener]:
    server = Listener()
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_notice_is_posted_as_one_json_document() -> None:
    with listening() as listener:
        assert Webhook(f"http://127.0.0.1:{listener.server_port}/hook?token=x", None).send(NOTICE) == "HTTP 204"
    ((path, kind, document),) = listener.posted
    assert (path, kind) == ("/hook?token=x", "application/json")
    assert document == {
        "tenant": "contoso",
        "tenant_id": "t",
        "event": 7,
        "state": "revoked",
        "code": "KEY_ACCESS_REVOKED",
        "message": "The KMS key is disabled.",
        "arn": "arn:aws:kms:eu-central-1:111122223333:key/one",
        "at": "2026-05-01T12:00:00Z",
        "warnings": [{"warning": "deletion", "message": "It will be deleted.", "at": None}],
    }


@pytest.mark.parametrize("status", [302, 400, 404, 429, 500, 503])
def test_only_a_success_has_taken_it_and_no_redirect_is_followed(status: int) -> None:
    with listening() as listener:
        listener.status = status
        with pytest.raises(NotTaken, match=f"HTTP {status}"):
            Webhook(f"http://127.0.0.1:{listener.server_port}/", None).send(NOTICE)
    assert len(listener.posted) == 1


def test_nobody_there_is_told_by_a_word_that_does_not_show_the_address() -> None:
    with pytest.raises(NotTaken) as caught:
        Webhook(f"http://127.0.0.1:{free_port()}/secret-token", None).send(NOTICE)
    assert caught.value.outcome == "ConnectError"


def test_over_tls_the_other_side_must_prove_itself(tmp_path: Path) -> None:
    authority, stranger = trustme.CA(), trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    for name, each in (("ours", authority), ("strange", stranger)):
        each.cert_pem.write_to_path(str(tmp_path / name))
    with listening(context) as listener:
        url = f"https://127.0.0.1:{listener.server_port}/"
        assert Webhook(url, str(tmp_path / "ours")).send(NOTICE) == "HTTP 204"
        for bundle in (None, str(tmp_path / "strange")):
            with pytest.raises(NotTaken, match="ConnectError"):
                Webhook(url, bundle).send(NOTICE)
    assert len(listener.posted) == 1


def test_a_bundle_without_certificates_is_refused(tmp_path: Path) -> None:
    (tmp_path / "none.pem").write_text("nothing")
    with pytest.raises(Refuse, match="ENTRAKEEP_CA_BUNDLE"):
        Webhook("https://127.0.0.1/", str(tmp_path / "none.pem"))
