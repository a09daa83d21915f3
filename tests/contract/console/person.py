"""A person at a browser: fills in the forms of sign-in as they stand on the page, and keeps cookies as browsers do."""

import json
import re
from collections.abc import Sequence
from html import unescape
from http.cookies import SimpleCookie
from typing import Any

import httpx

from console.web.visitor import COOKIE
from shared.domain.access import Grant
from shared.engine.access.slowing import of_address
from tests.contract.catalog.world import new_id
from tests.contract.console.served import QUICK_PASSWORDS, Console
from tests.contract.sign_in.authenticator import Authenticator
from tests.contract.sign_in.codes import password_with_codes

WORD = "correct horse battery"


class Visitor:
    """One browser of one person."""

    def __init__(self, console: Console, handle: str = "", codes: Sequence[str] = (), **headers: str) -> None:
        self.console = console
        self.handle = handle
        self.codes = list(codes)
        """One-time codes that are not used yet."""
        self.cookies: dict[str, str] = {}
        self.phone = Authenticator(console.url)
        self._client = console.nobody()
        self._client.headers.update(headers)

    @property
    def sign_in_cookie(self) -> str | None:
        return self.cookies.get(COOKIE)

    def get(self, path: str) -> httpx.Response:
        return self._sent("GET", path)

    def post(self, path: str, **fields: str) -> httpx.Response:
        """Send a form. A hyphen in a field's name is written as two underscores."""
        return self.send(path, {name.replace("__", "-"): value for name, value in fields.items()})

    def send(self, path: str, fields: dict[str, str]) -> httpx.Response:
        return self._sent("POST", path, data=fields)

    def follow(self, answer: httpx.Response) -> httpx.Response:
        """Go where the answer leads."""
        while answer.status_code in (302, 303):
            answer = self.get(answer.headers["location"])
        return answer

    def sign_in(self, code: str | None = None, **fields: str) -> httpx.Response:
        """Sign in by password and code: the next code unless one is given."""
        return self.post(
            "/sign-in", **{"handle": self.handle, "password": WORD, "code": code or self.codes.pop()} | fields
        )

    def by_passkey(self, path: str = "/sign-in/passkey", kind: str = "get", **fields: str) -> httpx.Response:
        """Do what the script of the page does: get options, let the authenticator answer, send the form."""
        return self.send(path, self.ceremony(path, kind, **fields))

    def ceremony(self, path: str = "/sign-in/passkey", kind: str = "get", **fields: str) -> dict[str, str]:
        """Return the form that the script would send."""
        options = self.post(f"{path}/options", **fields)
        assert options.status_code == 200, options.text
        document = options.json()
        answer = getattr(self.phone, kind)(json.dumps(document["options"]))
        return {name.replace("__", "-"): value for name, value in fields.items()} | {
            "seed": document["seed"],
            "answer": answer,
        }

    def _sent(self, method: str, path: str, **body: Any) -> httpx.Response:
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = self._client.request(method, path, headers={"cookie": cookies} if cookies else {}, **body)
        for line in answer.headers.get_list("set-cookie"):
            assert "Secure" in line
            assert "HttpOnly" in line
            assert "SameSite=Lax" in line
            assert "Path=/" in line
            assert "Domain" not in line
            for name, morsel in SimpleCookie(line).items():
                if morsel["max-age"] == "0":
                    self.cookies.pop(name, None)
                else:
                    self.cookies[name] = morsel.value
        return answer


def person(console: Console, *grants: Grant, break_glass: bool = False, passkey: bool = True) -> Visitor:
    """Return the browser of a new person with a password and a passkey, who has not signed in.

    Failed tries of other tests are forgotten, because all browsers here are in one network.
    """
    console.world.catalog.tries().succeed(of_address("127.0.0.1"))
    person_id = new_id()
    handle = f"ana-{person_id[:8]}"
    console.world.catalog.people().add(person_id, handle, grants=grants, break_glass=break_glass)
    way, codes = password_with_codes(QUICK_PASSWORDS, WORD)
    console.world.catalog.ways().add(person_id, way)
    visitor = Visitor(console, handle, codes)
    if passkey:
        visitor.sign_in()
        assert visitor.by_passkey("/me/passkeys", "create", name="phone").headers["location"] == "/me"
        visitor.cookies.clear()
    return visitor


def hidden(answer: httpx.Response) -> dict[str, str]:
    """Return the hidden fields of the first form in the answer that has some to carry."""
    inputs = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', answer.text)
    return {unescape(name): unescape(value) for name, value in inputs}
