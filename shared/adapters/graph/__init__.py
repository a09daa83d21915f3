"""Microsoft Graph as the directory: sign-in with azure-identity, requests with msgraph-sdk's request adapter."""

import ssl
from collections.abc import Callable

from shared.adapters.graph.sign_in import SignIn
from shared.adapters.graph.source import GraphSource
from shared.adapters.graph.tokens import Tokens
from shared.adapters.graph.transport import RetryPolicy, Transport
from shared.ports.budget import Budgets
from shared.ports.directory import Identity

__all__ = ["GraphAccess", "RetryPolicy"]


class GraphAccess:
    """Access to the directories of one Graph service and one sign-in service."""

    def __init__(
        self,
        *,
        graph_url: str,
        authority_url: str,
        trust: ssl.SSLContext,
        budgets: Budgets,
        token_seconds: float,
        retry_policy: RetryPolicy | None = None,
    ) -> None:
        """Store the settings, without sending a request.

        - ``graph_url``, ``authority_url``: scheme, host and port.
        - ``trust``: the certificate authorities to trust for Graph and for the sign-in service.
        - ``budgets``: the request limits of each directory and application.
        - ``token_seconds``: how long all sources of an application share a token.
        - ``retry_policy``: how often and how long one request is tried.
        """
        self._graph_url = graph_url.rstrip("/")
        self._authority_url = authority_url.rstrip("/")
        self._budgets = budgets
        self._retry_policy = retry_policy or RetryPolicy()
        self._trust = trust
        self._tokens = Tokens(token_seconds)

    def connect(self, identity: Identity, check: Callable[[], None]) -> GraphSource:
        """Return a source for the identity's directory, as the port describes."""
        sign_in = SignIn(
            identity,
            self._authority_url,
            f"{self._graph_url}/.default",
            self._trust,
            self._retry_policy.answer_seconds,
            self._tokens,
        )
        budget = self._budgets.scope(identity.directory_id, identity.client_id)
        return GraphSource(Transport(self._graph_url, sign_in, budget, check, self._trust, self._retry_policy))
