"""Microsoft Graph as the directory: sign-in with azure-identity, requests with msgraph-sdk's request adapter."""

import ssl
from collections.abc import Callable

from shared.adapters.graph.connection import Connection
from shared.adapters.graph.sign_in import SignIn
from shared.adapters.graph.source import GraphSource
from shared.adapters.graph.tokens import Tokens
from shared.adapters.graph.transport import RetryPolicy, Transport
from shared.adapters.graph.writing.sender import Sender
from shared.adapters.graph.writing.target import GraphTarget
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
        return GraphSource(self._transport(self._connection(identity, check), identity))

    def connect_target(self, identity: Identity, check: Callable[[], None]) -> GraphTarget:
        """Return a target for the identity's directory, as the port describes."""
        connection = self._connection(identity, check)
        scope = identity.directory_id, identity.client_id
        writes = self._budgets.writes(*scope)
        sender = Sender(connection, self._budgets.scope(*scope), writes, self._retry_policy)
        return GraphTarget(self._transport(connection, identity), sender, writes)

    def _connection(self, identity: Identity, check: Callable[[], None]) -> Connection:
        """Return a connection to the identity's directory, without sending a request."""
        answer_seconds = self._retry_policy.answer_seconds
        scope = f"{self._graph_url}/.default"
        sign_in = SignIn(identity, self._authority_url, scope, self._trust, answer_seconds, self._tokens)
        return Connection(self._graph_url, sign_in, check, self._trust, answer_seconds)

    def _transport(self, connection: Connection, identity: Identity) -> Transport:
        """Return the reads of a connection, within the budget of its directory and application."""
        budget = self._budgets.scope(identity.directory_id, identity.client_id)
        return Transport(connection, budget, self._retry_policy)
