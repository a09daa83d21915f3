"""The way of a program's request: whose token, which tenant, may it, do query and body fit, and then the handler."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from console.web.api.table import PREFIX, Answer, Call, Endpoint, tenant_of
from console.web.errors import defect, problem_document, problem_of
from console.web.page import decoded
from shared.domain.access import Action
from shared.domain.errors import Code, Refuse
from shared.engine.access import tokens

if TYPE_CHECKING:
    from console.web.front import Front
    from shared.domain.model import Tenant
    from shared.domain.people import TokenUse

log = logging.getLogger("entrakeep.web")

_BEARER = "bearer "


class ApiDispatch:
    """Answers the requests of all endpoints."""

    def __init__(self, front: "Front") -> None:
        self._front = front

    def endpoint(self, endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
        """Return the function that answers the requests of an endpoint."""

        async def answer(request: Request) -> Response:  # FastAPI reads the annotation at run time
            body = await request.body()
            return await run_in_threadpool(self._answer, endpoint, request, body)

        return answer

    def _answer(self, endpoint: Endpoint, request: Request, body: bytes) -> Response:
        """Return the answer, whatever happens, and write one line without path and query."""
        began, actor = self._front.clock.monotonic(), "-"
        try:
            use = self._identify(request)
            actor = f"token:{use.token.name}"
            response = _response(endpoint, request, endpoint.handler(self._call(endpoint, request, body, use)))
        except Exception as error:
            problem = problem_of(error)
            if problem.status == 500:
                log.error("%s %s failed with %s", endpoint.method, endpoint.path, defect(error))
            response = problem_document(problem)
        milliseconds = (self._front.clock.monotonic() - began) * 1000
        line = "%s %s%s %d %d ms %s"
        log.info(line, endpoint.method, PREFIX, endpoint.path, response.status_code, milliseconds, actor)
        return response

    def _identify(self, request: Request) -> "TokenUse":
        """Return the token of the request. Cookies are not looked at. Raise Refuse ``NOT_SIGNED_IN``, ``NOT_ALLOWED``."""
        header = request.headers.get("authorization", "")
        if header[: len(_BEARER)].lower() != _BEARER:
            raise Refuse(Code.NOT_SIGNED_IN, "Send a token: 'Authorization: Bearer ek1_…'.")
        address = request.client.host if request.client else ""
        return tokens.identify(self._front.catalog, header[len(_BEARER) :].strip(), address, self._front.clock.now())

    def _call(self, endpoint: Endpoint, request: Request, body: bytes, use: "TokenUse") -> Call:
        """Return the call, if the token may make it and query and body fit. Raise Refuse."""
        now = self._front.clock.now()
        path: dict[str, str] = dict(request.path_params)
        tenant = tenant_of(self._front.catalog, path["name"], use, now) if "name" in path else None
        if not _may(endpoint, use, tenant, now):
            raise Refuse(Code.NOT_ALLOWED, f"The token may not do {endpoint.action}, or its maker no longer may.")
        return Call(
            front=self._front,
            use=use,
            now=now,
            tenant=tenant,
            path=path,
            query=_query(endpoint, request.scope["query_string"]),
            body=_body(endpoint, body),
        )


def _may(endpoint: Endpoint, use: "TokenUse", tenant: "Tenant | None", now: datetime) -> bool:
    """Return True if the token may make the call. Lists of what a token sees need the action somewhere."""
    if tenant is None and endpoint.action is Action.TENANT_SEE:
        return Action.TENANT_SEE in use.token.actions
    return use.may(endpoint.action, tenant.tenant_id if tenant else None, now)


def _query(endpoint: Endpoint, encoded: bytes) -> Any:
    """Return the query as the endpoint's type. Raise Refuse ``WRONG_USE`` if it does not fit."""
    form = decoded(encoded)
    many = {field.encode_name for field in msgspec.structs.fields(endpoint.query) if _is_list(field.type)}
    values: Mapping[str, Any] = {name: form.all(name) if name in many else form[name] for name in form}
    try:
        return msgspec.convert(values, endpoint.query, strict=False)
    except msgspec.ValidationError as error:
        raise Refuse(Code.WRONG_USE, f"The query does not fit: {error}.") from None


def _is_list(type: Any) -> bool:
    """Return True if a field of the query may be given several times."""
    return getattr(type, "__origin__", None) is list


def _body(endpoint: Endpoint, body: bytes) -> Any:
    """Return the body as the endpoint's type; no body is an empty one. Raise Refuse ``WRONG_USE`` if it does not fit."""
    if endpoint.method == "GET":
        return None
    try:
        return msgspec.json.decode(body or b"{}", type=endpoint.body)
    except msgspec.ValidationError as error:
        raise Refuse(Code.WRONG_USE, f"The body does not fit: {error}.") from None
    except (msgspec.DecodeError, RecursionError):
        raise Refuse(Code.WRONG_USE, "The body is not JSON.") from None


def _response(endpoint: Endpoint, request: Request, answer: Answer) -> Response:
    """Return the response of an answer."""
    if answer.lines is not None:
        return StreamingResponse(answer.lines, media_type="application/jsonl")
    headers = {} if answer.after is None else {"link": f'<{_next(request, answer.after)}>; rel="next"'}
    content = msgspec.json.encode(answer.document)
    status = endpoint.status if answer.status == 200 else answer.status
    return Response(content, status, headers, media_type="application/json")


def _next(request: Request, after: str) -> str:
    """Return the path of the next page."""
    pairs = [(name, value) for name, value in decoded(request.scope["query_string"]).pairs if name != "after"]
    return f"{request.url.path}?{urlencode([*pairs, ('after', after)])}"
