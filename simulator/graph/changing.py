"""Changes from outside Graph: lines of a `--load` file and the list given to `/_sim/changes`, kept to the letter."""

import json
from typing import NamedTuple

from simulator.graph import letter
from simulator.graph.directory import Directory
from simulator.graph.kinds import KINDS, ORGANIZATION, Kind, Relation, split

_OPERATIONS = ("create", "update", "delete", "restore", "purge")


class Change(NamedTuple):
    """One change. `value` holds the bytes as they came; None where an operation takes none."""

    op: str
    path: str
    value: bytes | None

    @property
    def is_link(self) -> bool:
        found = split(self.path)
        return found is not None and len(found[1]) > 1


def parsed(text: bytes) -> Change:
    """A change from its JSON object; without `op` it is a line to load. ValueError with one sentence if it is none."""
    meant = letter.valid(text)
    if not isinstance(meant, dict):
        raise ValueError("a change is an object with op, path and value")
    op, path, value = meant.get("op", "create"), meant.get("path"), letter.member(text, "value")
    if op not in _OPERATIONS:
        raise ValueError(f"op is one of {', '.join(_OPERATIONS)}")
    if not isinstance(path, str) or split(path) is None:
        raise ValueError(f"the simulator has no objects at {json.dumps(path)}; it has {', '.join(KINDS)}")
    if op in ("create", "update") and not isinstance(meant.get("value"), dict):
        raise ValueError(f"{op} needs value, an object")
    return Change(op, path.strip("/"), value)


def apply(directory: Directory, change: Change) -> None:
    """Does one change. ValueError with one sentence if it cannot be done."""
    found = split(change.path)
    if found is None:
        raise ValueError(f"there is nothing at {change.path}")
    kind, tail = found
    if len(tail) < 2:
        _object(directory, kind, tail, change)
        return
    relation = kind.relation(tail[1])
    if relation is None or directory.find(kind, tail[0]) is None:
        raise ValueError(f"there is nothing at {change.path}")
    (_content if relation.content else _link)(directory, kind, tail, relation, change)


def _object(directory: Directory, kind: Kind, tail: list[str], change: Change) -> None:
    if kind is ORGANIZATION and (change.op not in ("create", "update") or (tail or [directory.id])[0] != directory.id):
        raise ValueError("the organization is always there")
    try:
        if change.op == "create" and change.value is not None:
            key = tail[0] if tail else id_of(change.value)
            if kind is ORGANIZATION and key != directory.id:
                raise ValueError(f"the organization's key is {directory.id}")
            directory.keep(kind, key, change.value, to_the_letter=True)
        elif not tail:
            raise ValueError(f"{change.op} needs the path of an object, as {kind.path}/<key>")
        elif change.op == "update" and change.value is not None:
            directory.update(kind, tail[0], change.value, to_the_letter=True)
        elif change.op == "delete":
            directory.delete(kind, tail[0])
        elif change.op == "restore":
            directory.restore(kind, tail[0])
        else:
            directory.purge(kind, tail[0])
    except KeyError:
        raise ValueError(f"{change.op} finds nothing at {change.path}") from None


def _content(directory: Directory, kind: Kind, tail: list[str], relation: Relation, change: Change) -> None:
    """A change of what an object has of its own under a relation, app role assignments."""
    content = relation.content or kind
    if change.op == "create" and change.value is not None:
        if letter.text(change.value, relation.by) != tail[0]:
            raise ValueError(f"value needs {relation.by}, the id in {change.path}")
        directory.keep(content, id_of(change.value), change.value, to_the_letter=True)
        return
    if change.op not in ("update", "delete"):
        raise ValueError(f"what is at {change.path} can be created, updated and deleted, there is no {change.op}")
    if len(tail) != 3 or directory.tied(content, relation.by, tail[0], tail[2]) is None:
        raise ValueError(f"{change.op} finds nothing at {change.path}")
    if change.op == "update" and change.value is not None:
        directory.update(content, tail[2], change.value, to_the_letter=True)
    else:
        directory.delete(content, tail[2])


def _link(directory: Directory, kind: Kind, tail: list[str], relation: Relation, change: Change) -> None:
    if change.op == "create" and change.value is not None:
        target = id_of(change.value)
        directory.link(kind, tail[0], relation, target, typed(directory, target, change.value))
        return
    if change.op != "delete":
        raise ValueError(f"a link can be created and deleted, there is no {change.op}")
    standing = [target for target, _ in directory.linked(kind, tail[0], relation)]
    targets = tail[2:] or (standing if relation.to_one else [])
    if not targets or targets[0] not in standing:
        raise ValueError(f"delete finds nothing at {change.path}")
    directory.unlink(kind, tail[0], relation, targets[0])


def id_of(value: bytes) -> str:
    """The `id` of an object. ValueError if it has none."""
    key = json.loads(letter.member(value, "id") or b"null")
    if not isinstance(key, str) or not key:
        raise ValueError("value needs an id")
    return key


def typed(directory: Directory, target: str, value: bytes) -> bytes:
    """A link's value with `@odata.type`, put in front if it has none."""
    if letter.member(value, "@odata.type") is not None:
        return value
    found = directory.anywhere(target)
    name = found[0].odata_type if found else "#microsoft.graph.user"
    return letter.before(value, letter.written("@odata.type", json.dumps(name).encode()))


def load(directory: Directory, text: bytes) -> int:
    """Adds the lines of a `--load` file, objects before links; says how many. ValueError names the line that is wrong."""
    changes: list[tuple[int, Change]] = []
    for number, line in enumerate(text.split(b"\n"), 1):
        if line.strip():
            try:
                changes.append((number, parsed(line)))
            except ValueError as error:
                raise ValueError(f"line {number}: {error}") from None
    for number, change in sorted(changes, key=lambda numbered: numbered[1].is_link):
        try:
            apply(directory, change)
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from None
    return len(changes)
