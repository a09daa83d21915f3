"""Microsoft Graph as the directory: signing in by azure-identity, reading by msgraph-sdk's request adapter."""

import ssl
from collections.abc import Callable

import httpx

from shared.adapters.graph.sign_in import SignIn
from shared.adapters.graph.source import GraphSource
from shared.adapters.graph.tokens import Tokens
from shared.adapters.graph.transport import Patience, Transport
from shared.domain.errors import Code, Refuse
from shared.ports.budget import Budgets
from shared.ports.directory import Identity

__all__ = ["GraphAccess", "Patience"]


class GraphAccess:
    """Sources for directories behind one Graph and one sign-in service."""

    def __init__(
        self,
        *,
        graph_url: str,
        authority_url: str,
        ca_bundle: str | None,
        budgets: Budgets,
        token_seconds: float,
        patience: Patience | None = None,
    ) -> None:
        """URLs are scheme, host and port. ``ca_bundle`` names a PEM file of authorities added to the system's. A token is
        shared by all sources of an application for ``token_seconds``.

        Raises Refuse ``SETTINGS_INVALID`` if that file cannot be read as PEM.
        """
        self._graph_url = graph_url.rstrip("/")
        self._authority_url = authority_url.rstrip("/")
        self._budgets = budgets
        self._patience = patience or Patience()
        self._context = _trusting(ca_bundle)
        self._tokens = Tokens(token_seconds)

    def connect(self, identity: Identity, check: Callable[[], None]) -> GraphSource:
        sign_in = SignIn(
            identity,
            self._authority_url,
            f"{self._graph_url}/.default",
            self._context,
            self._patience.answer_seconds,
            self._tokens,
        )
        budget = self._budgets.scope(identity.directory_id, identity.client_id)
        return GraphSource(Transport(self._graph_url, sign_in, budget, check, self._context, self._patience))


def _trusting(ca_bundle: str | None) -> ssl.SSLContext:
    """A TLS context that trusts the authorities of httpx, those of the system, and those of the file."""
    context = httpx.create_ssl_context()
    context.load_default_certs()
    if ca_bundle is not None:
        try:
            context.load_verify_locations(cafile=ca_bundle)
        except OSError:
            raise Refuse(
                Code.SETTINGS_INVALID, "ENTRAKEEP_CA_BUNDLE names a file without certificates in PEM."
            ) from None
    return context
