"""One object that was requested by id."""

from shared.adapters.graph import slicer, slow_slicer
from shared.adapters.graph.delta import cut

_CONTEXT = "@odata.context"


async def one_object(body: bytes) -> bytes:
    """Return an object that was requested by id, without its leading ``@odata.context``.

    Raises ValueError if the body is not an object, or is an empty one.
    """
    text = slicer.on_one_line(body).strip()
    first = next(iter(slow_slicer.members(text)), None)
    if first is None:
        raise ValueError("an object without members")
    return cut(text, first.start, first.stop) if first.name == _CONTEXT else text
