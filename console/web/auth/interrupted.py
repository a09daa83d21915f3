"""Forms that were interrupted because the person had to prove who they are: their fields travel along, and are sent after."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from console.web.visitor import Visitor

if TYPE_CHECKING:
    from starlette.responses import Response

    from console.web.page import Ask, Form, Page

_PATH = "confirm-path"
_FIELD = "field."


@dataclass(frozen=True)
class Interrupted:
    """A posted form that waits."""

    path: str
    fields: list[tuple[str, str]]

    def resume(self, ask: "Ask", visitor: Visitor) -> "Page | Response":
        """Return what the form's own route answers. Raise what that route raises."""
        return ask.rerun(ask, self.path, self.fields, visitor)


def of_request(ask: "Ask") -> Interrupted:
    """Return the posted form of this request, which is interrupted now."""
    return Interrupted(ask.request.url.path, ask.form.pairs)


def carried_in(form: "Form") -> Interrupted | None:
    """Return the interrupted form that this form carries, or None."""
    path = form.text(_PATH)
    return Interrupted(path, list(_fields(form))) if path else None


def _fields(form: "Form") -> Iterator[tuple[str, str]]:
    for name, value in form.pairs:
        if name.startswith(_FIELD):
            yield name.removeprefix(_FIELD), value
