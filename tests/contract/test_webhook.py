"""Notices over HTTP: the posted document, the statuses that count as delivered, and the check of certificates."""

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import trustme

from shared.adapters.webhook import Webhook
from shared.domain.backup_health import BackupState
from shared.domain.errors import Code
from shared.domain.key_health import KeyCondition
from shared.ports.notices import BackupNotice, Notice, NoticeWarning, NotTaken
from tests.parts import free_port

SECONDS = 10.0
NOTICE = Notice(
    tenant="contoso",
    tenant_id="t",
    event=7,
    state=KeyCondition.REVOKED,
    code=Code.KEY_ACCESS_REVOKED,
    message="The KMS key is disabled.",
    arn="arn:aws:kms:eu-central-1:111122223333:key/one",
    at=datetime(2026, 5, 1, 12, 0, tzinfo=UTC),
    warnings=[NoticeWarning(warning="deletion", message="It will be deleted.", at=None)],
)

DEFAULT_TRUST = ssl.create_default_context()


class Listener(ThreadingHTTPServer):
    """Answers with ``status``; records each posted notice."""

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
        assert (
            Webhook(f"http://127.0.0.1:{listener.server_port}/hook?token=x", DEFAULT_TRUST, SECONDS).send(NOTICE)
            == "HTTP 204"
        )
    ((path, kind, document),) = listener.posted
    assert (path, kind) == ("/hook?token=x", "application/json")
    assert document == {
        "about": "key",
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


def test_a_backup_notice_is_posted_with_its_own_fields() -> None:
    notice = BackupNotice(
        tenant="contoso",
        tenant_id="t",
        event=7,
        state=BackupState.LATE,
        code=None,
        message="The scheduled backup is late.",
        job="j",
        at=datetime(2026, 5, 1, 12, 0, tzinfo=UTC),
    )
    with listening() as listener:
        Webhook(f"http://127.0.0.1:{listener.server_port}/hook", DEFAULT_TRUST, SECONDS).send(notice)
    ((_, _, document),) = listener.posted
    assert document == {
        "about": "backup",
        "tenant": "contoso",
        "tenant_id": "t",
        "event": 7,
        "state": "late",
        "code": None,
        "message": "The scheduled backup is late.",
        "job": "j",
        "at": "2026-05-01T12:00:00Z",
    }


@pytest.mark.parametrize("status", [302, 400, 404, 429, 500, 503])
def test_only_a_success_status_counts_as_delivered_and_redirects_are_not_followed(status: int) -> None:
    with listening() as listener:
        listener.status = status
        with pytest.raises(NotTaken, match=f"HTTP {status}"):
            Webhook(f"http://127.0.0.1:{listener.server_port}/", DEFAULT_TRUST, SECONDS).send(NOTICE)
    assert len(listener.posted) == 1


def test_a_connection_error_is_reported_without_the_url() -> None:
    with pytest.raises(NotTaken) as caught:
        Webhook(f"http://127.0.0.1:{free_port()}/secret-token", DEFAULT_TRUST, SECONDS).send(NOTICE)
    assert caught.value.outcome == "ConnectError"


def test_a_tls_webhook_must_present_a_trusted_certificate() -> None:
    authority, stranger = trustme.CA(), trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    trusting, distrusting = ssl.create_default_context(), ssl.create_default_context()
    authority.configure_trust(trusting)
    stranger.configure_trust(distrusting)
    with listening(context) as listener:
        url = f"https://127.0.0.1:{listener.server_port}/"
        assert Webhook(url, trusting, SECONDS).send(NOTICE) == "HTTP 204"
        for trust in (DEFAULT_TRUST, distrusting):
            with pytest.raises(NotTaken, match="ConnectError"):
                Webhook(url, trust, SECONDS).send(NOTICE)
    assert len(listener.posted) == 1
