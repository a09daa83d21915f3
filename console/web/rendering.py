"""Turn pages into answers: Jinja templates with escaping, one nonce an answer, and no undefined value."""

import gzip
import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from jinja2_fragments import render_block
from starlette.requests import Request
from starlette.responses import Response

from console.web import static_files
from console.web.errors import Problem, actor_of
from console.web.frame import frame_of
from console.web.front import Front
from console.web.page import Ask, Page
from console.web.security import policy
from console.web.states import shown
from console.web.words import count, exact, relative

_HTML = "text/html; charset=utf-8"
_WORTH_ZIPPING = 1_000
_UNTOUCHED = 304


class Rendering:
    """The templates of one process."""

    def __init__(self, front: Front, paths: frozenset[str]) -> None:
        self._front = front
        self._paths = paths
        self._environment = Environment(
            loader=PackageLoader("console.web"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.globals.update(
            shown=shown, static=static_files.address, actor_of=actor_of, relative=self._relative
        )
        self._environment.filters.update(exact=exact, count=count)
        macros = self._environment.get_template("parts/ui.html").module
        self._environment.globals.update(
            {n: m for n, m in vars(macros).items() if not n.startswith("_") and callable(m)}
        )

    def _relative(self, moment: datetime) -> str:
        return relative(moment, self._front.clock.now())

    def answer(self, ask: Ask, page: Page, active: str) -> Response:
        """Return the answer for a page. htmx gets the page's fragment, and 304 if it has that already."""
        nonce = ask.request.state.nonce if page.scripts else None
        values = {
            **page.values,
            "frame": frame_of(ask, active, self._paths, scripts=page.scripts),
            "tenant": ask.tenant,
            "health": ask.health,
            "visitor": ask.visitor,
            "now": ask.now,
        }
        alone = page.fragment is not None and ask.from_htmx
        headers = {"content-security-policy": policy(nonce)}
        if page.polled:
            tag = self._tag(page, values)
            headers["hx-ptag"] = tag
            if alone and ask.request.headers.get("hx-ptag") == tag:
                return Response(status_code=_UNTOUCHED, headers=headers)
            values["ptag"] = tag
        body = self._text(page, {**values, "nonce": nonce}, alone=alone)
        return _sent(ask.request, body, page.status, headers)

    def part(self, template: str, values: Mapping[str, Any]) -> str:
        """Return a part of a page without its frame."""
        return self._environment.get_template(template).render(values)

    def bare(self, request: Request, problem: Problem) -> Response:
        """Return the page of an error about which nothing is known of the visitor. Its bytes depend on the error alone."""
        frame = frame_of(None, "", self._paths, scripts=False, theme=request.cookies.get("theme"))
        values = {"problem": problem, "frame": frame, "tenant": None, "health": None, "visitor": None, "nonce": None}
        body = self._environment.get_template("error.html").render(values)
        return _sent(request, body, problem.status, {"content-security-policy": policy(None)})

    def _tag(self, page: Page, values: Mapping[str, Any]) -> str:
        """Return a tag of the fragment's text, whatever its nonce."""
        alike = Page(template=page.template, values=page.values, fragment=page.fragment)
        text = self._text(alike, {**values, "nonce": "", "ptag": ""}, alone=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def _text(self, page: Page, values: Mapping[str, Any], *, alone: bool) -> str:
        if alone and page.fragment is not None:
            return render_block(self._environment, page.template, page.fragment, dict(values))
        return self._environment.get_template(page.template).render(values)


def _sent(request: Request, text: str, status: int, headers: dict[str, str]) -> Response:
    """Return the answer, compressed unless another site asks: what it could put into a page must not meet a secret there."""
    body = text.encode("utf-8", "backslashreplace")
    own = request.headers.get("sec-fetch-site", "none") in ("same-origin", "none")
    if own and len(body) > _WORTH_ZIPPING and "gzip" in request.headers.get("accept-encoding", ""):
        body = gzip.compress(body, 5, mtime=0)
        headers = {**headers, "content-encoding": "gzip"}
    return Response(body, status, {**headers, "vary": "accept-encoding, cookie"}, media_type=_HTML)
