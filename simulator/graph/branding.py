"""Requests for the branding of sign-in pages: the default one, and one for each language (Graph: "organizationalBranding").

All are children of the organization, with the language as id. The default one has the id `0`.
"""

from simulator.graph.answers import Answer, Request, no_segment, not_allowed
from simulator.graph.apps import App
from simulator.graph.children import Children
from simulator.graph.directory import Directory
from simulator.graph.kinds import ORGANIZATION
from simulator.graph.kinds.core import BRANDING, LOCALIZATION
from simulator.graph.permissions import allow
from simulator.graph.writes.objects import Objects, Place

_DEFAULT = "0"


class Branding:
    """The handler of `/organization/{id}/branding`."""

    def __init__(self, directory: Directory, children: Children, objects: Objects) -> None:
        self._directory = directory
        self._children = children
        self._objects = objects

    def answer(self, request: Request, app: App, id: str, rest: list[str]) -> Answer:
        """Answer a request. `rest` holds the segments after `branding`."""
        allow(app, LOCALIZATION, writes=request.method != "GET")
        if rest[:1] == ["localizations"]:
            return self._children.answer(request, app, ORGANIZATION, [id, BRANDING.name, *rest[1:]], BRANDING)
        if rest:
            raise no_segment(rest[0])
        known = dict(self._directory.existing_links(ORGANIZATION, id, BRANDING))
        wanted = request.headers.get("accept-language", _DEFAULT)
        language = wanted if wanted in known else _DEFAULT
        if request.method == "PATCH" and language not in known:
            self._objects.create(request, app, Place(LOCALIZATION, ORGANIZATION, id, BRANDING), {"id": _DEFAULT})
            return Answer(204)
        if request.method == "POST":
            raise not_allowed()
        return self._children.answer(request, app, ORGANIZATION, [id, BRANDING.name, language], BRANDING)
