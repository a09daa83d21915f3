"""Notices as JSON, posted to a URL of the operator's."""

import ssl

import httpx
import msgspec

from shared.ports.notices import BackupNotice, Notice, NotTaken

_SECONDS = 10.0


class Webhook:
    """Posts each notice to ``url``. An answer of 2xx has taken it; a redirect has not, and is not followed."""

    def __init__(self, url: str, trust: ssl.SSLContext) -> None:
        """``trust`` says whom to believe. The URL may hold a token: nothing shows it."""
        self._url = url
        self._client = httpx.Client(verify=trust, timeout=_SECONDS, follow_redirects=False)

    def send(self, notice: Notice | BackupNotice) -> str:
        try:
            answer = self._client.post(
                self._url, content=msgspec.json.encode(notice), headers={"Content-Type": "application/json"}
            )
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, OSError) as error:
            raise NotTaken(type(error).__name__) from None
        if not answer.is_success:
            raise NotTaken(f"HTTP {answer.status_code}")
        return f"HTTP {answer.status_code}"
