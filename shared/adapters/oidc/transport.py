"""HTTP to a sign-in provider: our trust, no redirects, and an end to each answer in time and size."""

import json
import ssl
import time
from contextlib import closing
from typing import Any

import requests
from authlib.integrations.requests_client import OAuth2Session

from shared.domain.limits import LIMITS
from shared.ports.sign_in_provider import Fault, ProviderRefused
from shared.tls import ContextAdapter

_BLOCK = 16384


class ProviderTransport(ContextAdapter):
    """An adapter for the library ``requests`` that reads a whole answer or refuses it. May be used by many threads."""

    def __init__(self, context: ssl.SSLContext, answer_seconds: float = LIMITS.provider_answer_seconds) -> None:
        """Trust the authorities in ``context``, and wait ``answer_seconds`` for a whole answer."""
        self._answer_seconds = answer_seconds
        super().__init__(context)

    def send(self, request: Any, *args: Any, **kwargs: Any) -> requests.Response:
        """Send the request and read the answer. Raise ProviderRefused if it is late, too large or elsewhere."""
        deadline = time.monotonic() + self._answer_seconds
        kwargs |= {"stream": True, "timeout": (LIMITS.provider_connect_seconds, self._answer_seconds)}
        try:
            response = super().send(request, *args, **kwargs)
            response._content = self._body(response, deadline)
        except (requests.RequestException, OSError) as error:
            raise unreachable(error) from None
        if response.is_redirect:
            raise ProviderRefused(Fault.UNEXPECTED, _ELSEWHERE)
        return response

    def _body(self, response: requests.Response, deadline: float) -> bytes:
        """Return the body. Raise ProviderRefused if it is late or too large."""
        body = bytearray()
        with closing(response.raw):
            while block := response.raw.read1(_BLOCK, decode_content=True):
                body += block
                if time.monotonic() > deadline:
                    raise ProviderRefused(Fault.UNREACHABLE, _SLOW)
                if len(body) > LIMITS.provider_answer_bytes:
                    raise ProviderRefused(Fault.UNEXPECTED, _NOT_OPENID)
            response.raw.release_conn()
        return bytes(body)


def document(session: OAuth2Session, url: str) -> dict[str, Any]:
    """Return the JSON document at the URL. Raise ProviderRefused."""
    answer = session.request("GET", url, withhold_token=True, headers={"Accept": "application/json"})
    try:
        value = json.loads(answer.content)
    except (ValueError, RecursionError):
        value = None
    if answer.status_code >= requests.codes.server_error:
        raise ProviderRefused(Fault.UNREACHABLE, _TROUBLE.format(answer.status_code))
    if answer.status_code != requests.codes.ok or not isinstance(value, dict):
        raise ProviderRefused(Fault.UNEXPECTED, _NOT_OPENID)
    return value


def unreachable(error: Exception) -> ProviderRefused:
    """Return the refusal for a provider that does not answer, with the kind of the error alone."""
    if isinstance(error, requests.Timeout | TimeoutError):
        return ProviderRefused(Fault.UNREACHABLE, _SLOW)
    certificate = isinstance(error, requests.exceptions.SSLError)
    return ProviderRefused(Fault.UNREACHABLE, _UNTRUSTED if certificate else _DOWN)


_OTHERWISE = "Sign in with a passkey, or with a password and a code."
_DOWN = f"The sign-in provider cannot be reached. {_OTHERWISE}"
_SLOW = f"The sign-in provider does not answer in time. {_OTHERWISE}"
_TROUBLE = f"The sign-in provider has an error (HTTP {{}}). {_OTHERWISE}"
_UNTRUSTED = (
    f"The sign-in provider's certificate is not trusted. {_OTHERWISE} "
    "An operator can add its authority with ENTRAKEEP_CA_BUNDLE."
)
_ELSEWHERE = (
    f"The sign-in provider redirects to another address. {_OTHERWISE} An operator must check ENTRAKEEP_OIDC_ISSUER."
)
_NOT_OPENID = (
    f"The sign-in provider's answer is not OpenID Connect. {_OTHERWISE} An operator must check ENTRAKEEP_OIDC_ISSUER."
)
