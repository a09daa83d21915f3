"""Microsoft Graph as the directory: signing in by azure-identity, reading by msgraph-sdk's request adapter."""

import ssl
from collections.abc import Callable

from shared.adapters.graph.sign_in import SignIn
from shared.adapters.graph.source import GraphSource
from shared.adapters.graph.tokens import Tokens
from shared.adapters.graph.transport import Patience, Transport
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
        trust: ssl.SSLContext,
        budgets: Budgets,
        token_seconds: float,
        patience: Patience | None = None,
    ) -> None:
        """URLs are scheme, host and port. ``trust`` says whom to believe, of Graph and of the sign-in service. A token is
        shared by all sources of an application for ``token_seconds``."""
        self._graph_url = graph_url.rstrip("/")
        self._authority_url = authority_url.rstrip("/")
        self._budgets = budgets
        self._patience = patience or Patience()
        self._trust = trust
        self._tokens = Tokens(token_seconds)

    def connect(self, identity: Identity, check: Callable[[], None]) -> GraphSource:
        sign_in = SignIn(
            identity,
            self._authority_url,
            f"{self._graph_url}/.default",
            self._trust,
            self._patience.answer_seconds,
            self._tokens,
        )
        budget = self._budgets.scope(identity.directory_id, identity.client_id)
        return GraphSource(Transport(self._graph_url, sign_in, budget, check, self._trust, self._patience))
