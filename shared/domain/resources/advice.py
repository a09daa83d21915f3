"""What to do about an answer of Graph: which permission or licence is missing, and who must add it."""

from shared.domain.errors import Answer
from shared.domain.resources import STREAMS, Resource, Switch
from shared.domain.resources.choice import BETA
from shared.domain.resources.permissions import needed_to_read


def reading_advice(answer: Answer, row: Resource) -> str:
    """Return what to do about the answer to the reading of a resource, or an empty text."""
    if answer is Answer.FORBIDDEN:
        own, *others = needed_to_read(row)
        also = f" It also needs {others[0]}, to list the objects that they belong to." if others else ""
        return f"Grant {own} to the application that reads the directory.{also}"
    if answer is Answer.UNLICENSED:
        return f"The directory has no licence for it ({row.licence})."
    if answer is Answer.NOT_FOR_APPLICATIONS:
        return "Graph shows this resource to signed-in people only. Snapshots count as complete without it."
    if answer is Answer.SWITCHED_OFF:
        return f"Switched off: 'entrakeep tenant update NAME --with {_switch(row)}' switches it on."
    return ""


def _switch(row: Resource) -> str:
    """Return the name under which a resource is switched on."""
    return BETA if row.switch is Switch.BETA else STREAMS[row.stream].resource
