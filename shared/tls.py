"""TLS of the library ``requests`` by a context of ours, for the adapters whose libraries use it."""

import ssl
from typing import Any

from requests.adapters import HTTPAdapter


class ContextAdapter(HTTPAdapter):
    """An adapter for the library ``requests`` that verifies servers by the given TLS context.

    That context trusts our authorities as well as the system's.
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        """Use ``context`` for every connection."""
        self._context = context
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Create the pool of direct connections with the context."""
        super().init_poolmanager(*args, ssl_context=self._context, **kwargs)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        """Return the pool of connections through a proxy, with the context."""
        return super().proxy_manager_for(*args, ssl_context=self._context, **kwargs)

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:  # noqa: ARG002
        """Require a certificate, but load no authorities: requests would load its own for each connection."""
        conn.cert_reqs = "CERT_REQUIRED"
