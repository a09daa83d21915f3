"""Post notices as signed JSON.

The header ``Entrakeep-Signature: t=TIME,v1=HEX`` has the time in Unix seconds, and the HMAC-SHA-256 of
``TIME.BODY`` under the target's secret. docs/notices.md describes it for receivers.
"""

import asyncio
import hashlib
import hmac
import ssl

import httpx
import msgspec

from shared.domain.notices import Notice, TargetSecret
from shared.ports.clock import Clock
from shared.ports.notices import NotTaken

SIGNATURE = "Entrakeep-Signature"
NOTICE = "Entrakeep-Notice"


class SignedWebhook:
    """Post each notice to the target's URL. A 2xx answer delivers it. A redirect does not, and is not followed."""

    def __init__(self, trust: ssl.SSLContext, clock: Clock, seconds: float) -> None:
        """Create the sender. A delivery takes ``seconds`` at most, however slowly the receiver answers."""
        self._trust = trust
        self._clock = clock
        self._seconds = seconds

    def send(self, receiver: TargetSecret, notice: Notice) -> str:
        """Post a notice and return the outcome, such as ``HTTP 204``. Raise NotTaken if it was not delivered."""
        body = msgspec.json.encode(notice)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Entrakeep",
            NOTICE: notice.id,
            SIGNATURE: signature(receiver.secret or "", int(self._clock.now().timestamp()), body),
        }
        try:
            status = asyncio.run(asyncio.wait_for(self._post(receiver.address, headers, body), self._seconds))
        except TimeoutError:
            raise NotTaken("no answer in time") from None
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, OSError, ValueError) as error:
            raise NotTaken(f"no answer: {type(error).__name__}") from None
        if not 200 <= status < 300:
            raise NotTaken(f"HTTP {status}")
        return f"HTTP {status}"

    async def _post(self, url: str, headers: dict[str, str], body: bytes) -> int:
        """Return the status of the answer. Its body is not read: nothing of it would be used."""
        async with (
            httpx.AsyncClient(
                verify=self._trust, timeout=self._seconds, follow_redirects=False, trust_env=True
            ) as client,
            client.stream("POST", url, headers=headers, content=body) as answer,
        ):
            return answer.status_code


def signature(secret: str, time: int, body: bytes) -> str:
    """Return the value of the signature's header."""
    signed = hmac.new(secret.encode(), f"{time}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={time},v1={signed}"
