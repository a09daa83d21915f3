"""Post notices as JSON to the operator's URL."""

import ssl

import httpx
import msgspec

from shared.ports.notices import BackupNotice, Notice, NotTaken


class Webhook:
    """Post each notice to ``url``. A 2xx answer delivers it. A redirect does not, and is not followed."""

    def __init__(self, url: str, trust: ssl.SSLContext, seconds: float) -> None:
        """Create the client, which waits ``seconds`` for an answer.

        ``trust`` holds the trusted certificates. The URL may contain a token, so nothing shows it.
        """
        self._url = url
        self._client = httpx.Client(verify=trust, timeout=seconds, follow_redirects=False)

    def send(self, notice: Notice | BackupNotice) -> str:
        """Post a notice and return the outcome, such as ``HTTP 204``. Raises NotTaken if it was not delivered."""
        try:
            answer = self._client.post(
                self._url, content=msgspec.json.encode(notice), headers={"Content-Type": "application/json"}
            )
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, OSError) as error:
            raise NotTaken(type(error).__name__) from None
        if not answer.is_success:
            raise NotTaken(f"HTTP {answer.status_code}")
        return f"HTTP {answer.status_code}"
