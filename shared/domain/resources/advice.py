"""What to do about an answer of Graph: which permission or licence is missing, and who must add it."""

from shared.domain.errors import Answer
from shared.domain.resources import STREAMS, Resource, Switch
from shared.domain.resources.choice import BETA


def reading_advice(answer: Answer, row: Resource) -> str:
    """Return what to do about the answer to the reading of a resource, or an empty text."""
    if answer is Answer.FORBIDDEN:
        return f"Grant {row.permission_read} to the application that reads the directory."
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
