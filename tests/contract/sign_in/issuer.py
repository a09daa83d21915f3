"""An OpenID Connect provider over HTTPS whose every answer a test can spoil."""

import base64
import functools
import hashlib
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import trustme
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
CLIENT_ID = "0b0f8a5e-66a3-4b6a-8f3e-5b3b9b1d7c10"
TENANT = "11111111-2222-3333-4444-555555555555"
OBJECT = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
_AUTHORITY = trustme.CA()
_RSA = RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})


def trust() -> ssl.SSLContext:
    context = ssl.create_default_context()
    _AUTHORITY.configure_trust(context)
    return context


def authority() -> bytes:
    """Return the certificate of the authority that the provider's own comes from, PEM."""
    return _AUTHORITY.cert_pem.bytes()


@functools.cache
def guessed_key() -> RSAKey:
    """Return another key under the id of the provider's."""
    return RSAKey.generate_key(2048, {"kid": "one"})


@dataclass
class Issuer:
    """What the provider answers. Fields are changed by tests."""

    origin: str
    path: str = f"/{TENANT}/v2.0"
    issuer: str = ""
    keys: list[RSAKey] = field(default_factory=lambda: [_RSA])
    signing: RSAKey = field(default_factory=lambda: _RSA)
    claims: dict[str, Any] = field(default_factory=dict)
    """Claims that differ from those of a good token; None removes one."""
    sign: Callable[[dict[str, Any]], str] | None = None
    token_answer: tuple[int, bytes] | None = None
    document_answer: tuple[int, bytes] | None = None
    documents: dict[str, Any] = field(default_factory=dict)
    """Entries of the provider's document that differ from those of a good one."""
    redirect: bool = False
    drip: float = 0.0
    """Seconds between two bytes of a body."""
    key_reads: int = 0
    posted: list[dict[str, str]] = field(default_factory=list)
    clock: Callable[[], datetime] = lambda: NOW
    nonce: str = ""
    """The nonce of the sign-in in progress."""
    challenge: str = ""

    @property
    def url(self) -> str:
        return self.origin + self.path

    def authorize(self, url: str) -> str:
        """Act as the browser at the sign-in page: remember nonce and challenge, return the code."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        self.nonce, self.challenge = query["nonce"], query["code_challenge"]
        return "the-code"

    def document(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer or self.url,
            "authorization_endpoint": f"{self.origin}/authorize",
            "token_endpoint": f"{self.origin}/token",
            "jwks_uri": f"{self.origin}/keys",
        } | self.documents

    def id_token(self) -> str:
        seconds = int(self.clock().timestamp())
        claims = {
            "iss": self.url,
            "aud": CLIENT_ID,
            "iat": seconds,
            "nbf": seconds,
            "exp": seconds + 3600,
            "nonce": self.nonce,
            "tid": TENANT,
            "oid": OBJECT,
            "sub": "pairwise",
            "email": "ana@contoso.com",
            "preferred_username": "ana@contoso.com",
        } | self.claims
        claims = {name: value for name, value in claims.items() if value is not None}
        if self.sign is not None:
            return self.sign(claims)
        return jwt.encode({"alg": "RS256", "kid": self.signing.kid}, claims, self.signing)

    def token(self, form: dict[str, str]) -> tuple[int, bytes]:
        self.posted.append(form)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != self.challenge:
            return 400, b'{"error":"invalid_grant"}'
        if self.token_answer is not None:
            return self.token_answer
        return 200, json.dumps({"token_type": "Bearer", "access_token": "a", "id_token": self.id_token()}).encode()

    def answer(self, path: str) -> tuple[int, bytes]:
        if path.endswith("/.well-known/openid-configuration"):
            return self.document_answer or (200, json.dumps(self.document()).encode())
        self.key_reads += 1
        return 200, json.dumps(KeySet(self.keys).as_dict(private=False)).encode()


class _Server(ThreadingHTTPServer):
    issuer: Issuer


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        self._send(*self.server.issuer.answer(self.path))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self._send(*self.server.issuer.token({name: values[0] for name, values in parse_qs(body).items()}))

    def _send(self, status: int, body: bytes) -> None:
        issuer = self.server.issuer
        self.send_response(302 if issuer.redirect else status)
        if issuer.redirect:
            self.send_header("Location", "https://localhost:1/")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            for part in [body[i : i + 1] for i in range(len(body))] if issuer.drip else [body]:
                self.wfile.write(part)
                self.wfile.flush()
                time.sleep(issuer.drip)
        except OSError:
            pass  # the client has had enough

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def issuing() -> Iterator[Issuer]:
    server = _Server(("127.0.0.1", 0), _Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _AUTHORITY.issue_cert("localhost").configure_cert(context)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.daemon_threads = True
    server.issuer = Issuer(f"https://localhost:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.issuer
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
