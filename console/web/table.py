"""A route, and the table of all routes: which of them has a path."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.routing import Route as Served

from console.web.faces import Face
from console.web.page import Handler
from shared.domain.access import Action, needs_confirmation


@dataclass(frozen=True)
class Route:
    """One thing that the console does."""

    method: str
    path: str
    action: Action
    handler: Handler
    face: Face = Face.CATALOG
    confirm: bool | None = None
    """Whether the person must have confirmed lately; None for the rule of the action, which reading never needs."""

    def __post_init__(self) -> None:
        """Raise TypeError for a route without an action."""
        if not isinstance(self.action, Action):
            raise TypeError(f"the route {self.method} {self.path} has no action")

    @property
    def needs_confirmation(self) -> bool:
        """Return True if the person must have confirmed in the last minutes."""
        if self.confirm is not None:
            return self.confirm
        return self.method != "GET" and needs_confirmation(self.action)


class Table:
    """All routes of the console."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self._matchers = [(route, Served(route.path, _unserved)) for route in routes]
        self.paths = frozenset(route.path for route in routes)

    def match(self, method: str, path: str) -> tuple[Route, Mapping[str, str]] | None:
        """Return the route of this path and the path's parameters, or None if no route has it."""
        scope = {"type": "http", "method": "GET", "path": path, "root_path": ""}
        for route, matcher in self._matchers:
            if route.method == method:
                match, inner = matcher.matches(scope)
                if match is not Match.NONE:
                    return route, dict(inner["path_params"])
        return None


async def _unserved(_: Request) -> Response:
    raise NotImplementedError
