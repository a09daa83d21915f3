"""Split the values to write into requests: what comes first, what names other objects, and what comes last."""

from collections.abc import Iterator

import msgspec

from shared.domain.json_text import canonical
from shared.domain.resources.restoring import Restoring
from shared.domain.restore.bodies import is_blank, part, with_part, without_parts
from shared.domain.restore.draft import Draft, restoring_of
from shared.domain.restore.resolving import named_objects
from shared.domain.restore.stages import Stage, later_than


class WriteStep(msgspec.Struct):
    """The values of one request, and when it is sent."""

    stage: int
    values: dict[str, bytes]


def split(draft: Draft, resource: str, values: dict[str, bytes], live: bytes | None) -> list[WriteStep]:
    """Return the requests that write these values, in order. Without ``live``, the first creates the object.

    The first request may have no values.
    """
    restoring = restoring_of(resource)
    first, later, last = (WriteStep(stage, {}) for stage in (restoring.stage, later_than(restoring.stage), Stage.LAST))
    alone: list[WriteStep] = []
    written = {name: without_parts(name, value, restoring.parts_by_graph) for name, value in values.items()}
    for name, value in written.items():
        if live is None and name in {*restoring.alone, *restoring.later} and is_blank(value):
            continue  # a new object has no value either
        if name in restoring.last and (live is not None or name not in restoring.initial):
            last.values[name] = value
        elif name in restoring.initial and live is None:
            _split_initial(restoring, name, value, first, last if name in restoring.last else later)
        elif name in restoring.alone:
            stage = restoring.stage if live is not None else later.stage  # a stage after the creation
            alone.append(WriteStep(stage, {name: value}))
        else:
            _split_later(draft, resource, name, value, live, first, later)
    return [first, *alone, *(step for step in (later, last) if step.values)]


def _split_initial(restoring: Restoring, name: str, value: bytes, first: WriteStep, then: WriteStep) -> None:
    """Give a new object the initial value of a property, and write the snapshot's afterwards."""
    initial = restoring.initial[name].encode()
    first.values[name] = initial
    if canonical(initial) != canonical(value):
        then.values[name] = value


def _split_later(
    draft: Draft, resource: str, name: str, value: bytes, live: bytes | None, first: WriteStep, later: WriteStep
) -> None:
    """Put a value into the first request or the later one, or split it between both."""
    restoring = restoring_of(resource)
    waits = live is None or any(named_objects(draft, resource, name, value))
    if name in restoring.later:
        (later if waits else first).values[name] = value
        return
    inner = [path for path in restoring.later if path.startswith(f"{name}.")]
    before = part(live, name)
    differing = [rest for rest in map(_rest, inner) if canonical(part(value, rest)) != canonical(part(before, rest))]
    differing = [rest for rest in differing if live is not None or not is_blank(part(value, rest))]
    interim = value
    for rest in differing:
        interim = with_part(interim, rest, part(before, rest))
    if not differing:
        first.values[name] = value if live is not None else _without(value, inner)
    elif live is not None and canonical(interim) == canonical(before):
        (later if waits else first).values[name] = value
    else:
        first.values[name] = interim
        later.values[name] = value


def _without(value: bytes, paths: list[str]) -> bytes:
    """Return a value without the parts at these paths."""
    for path in paths:
        value = with_part(value, _rest(path), None)
    return value


def _rest(path: str) -> str:
    return path.partition(".")[2]


def names_of_values(draft: Draft, resource: str, values: dict[str, bytes]) -> Iterator[str]:
    """Yield the ids of the restored objects that these values name."""
    for name, value in values.items():
        yield from named_objects(draft, resource, name, value)
