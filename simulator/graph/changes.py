"""Changes from outside Graph: lines of a `--load` file and the list posted to `/_sim/changes`. Bytes are kept unchanged."""

import json
from typing import NamedTuple

from simulator.graph import raw_json
from simulator.graph.directory import Directory
from simulator.graph.kinds import KINDS, ORGANIZATION, Kind, Relation, split

_OPERATIONS = ("create", "update", "delete", "restore", "purge")


class Change(NamedTuple):
    """One change. `value` holds the bytes as received; None if the change has no value."""

    op: str
    path: str
    value: bytes | None

    @property
    def is_link(self) -> bool:
        """Return whether the path names something under a relation of an object."""
        parts = split(self.path)
        return parts is not None and len(parts[1]) > 1


def parsed(text: bytes) -> Change:
    """Parse a change from its JSON object. `op` defaults to `create`. Raises ValueError with a sentence if it is invalid."""
    fields = raw_json.valid(text)
    if not isinstance(fields, dict):
        raise ValueError("a change is an object with op, path and value")
    op, path, value = fields.get("op", "create"), fields.get("path"), raw_json.member(text, "value")
    if op not in _OPERATIONS:
        raise ValueError(f"op is one of {', '.join(_OPERATIONS)}")
    if not isinstance(path, str) or split(path) is None:
        raise ValueError(f"the simulator has no objects at {json.dumps(path)}; it has {', '.join(KINDS)}")
    if op in ("create", "update") and not isinstance(fields.get("value"), dict):
        raise ValueError(f"{op} needs value, an object")
    return Change(op, path.strip("/"), value)


def apply(directory: Directory, change: Change) -> None:
    """Apply one change. Raises ValueError with a sentence if that is impossible."""
    parts = split(change.path)
    if parts is None:
        raise ValueError(f"there is nothing at {change.path}")
    kind, tail = parts
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
    if kind.singleton and change.op not in ("create", "update"):
        raise ValueError(f"there is always one {kind.path}")
    try:
        if change.op == "create" and change.value is not None:
            key = tail[0] if tail else id_of(change.value, kind)
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
    """Apply a change to an object's app role assignment."""
    content = relation.content or kind
    if change.op == "create" and change.value is not None:
        if raw_json.text(change.value, relation.owner_property) != tail[0]:
            raise ValueError(f"value needs {relation.owner_property}, the id in {change.path}")
        directory.keep(content, id_of(change.value, content), change.value, to_the_letter=True)
        return
    if change.op not in ("update", "delete"):
        raise ValueError(f"what is at {change.path} can be created, updated and deleted, there is no {change.op}")
    if len(tail) != 3 or directory.referrer(content, relation.owner_property, tail[0], tail[2]) is None:
        raise ValueError(f"{change.op} finds nothing at {change.path}")
    if change.op == "update" and change.value is not None:
        directory.update(content, tail[2], change.value, to_the_letter=True)
    else:
        directory.delete(content, tail[2])


def _link(directory: Directory, kind: Kind, tail: list[str], relation: Relation, change: Change) -> None:
    if change.op == "create" and change.value is not None:
        only = (
            relation.child is not None and relation.to_one and raw_json.text(change.value, relation.child.key) is None
        )
        below = tail[2:] or tail[:1] * only if relation.child else []
        target = below[0] if below else id_of(change.value, relation.child)
        value = change.value if relation.child else typed(directory, target, change.value)
        directory.link(kind, tail[0], relation, target, value)
        return
    if change.op != "delete" and not (change.op == "update" and relation.child):
        raise ValueError(f"a link can be created and deleted, there is no {change.op}")
    existing = dict(directory.existing_links(kind, tail[0], relation))
    targets = tail[2:] or (list(existing) if relation.to_one else [])
    if not targets or targets[0] not in existing:
        raise ValueError(f"{change.op} finds nothing at {change.path}")
    if change.op == "update" and change.value is not None:
        merged = raw_json.merged(existing[targets[0]], change.value)
        directory.link(kind, tail[0], relation, targets[0], merged)
    else:
        directory.unlink(kind, tail[0], relation, targets[0])


def id_of(value: bytes, kind: Kind | None = None) -> str:
    """Return the `id` of an object, or the key of its kind if it has another. Raises ValueError if it has none."""
    name = kind.key if kind else "id"
    key = json.loads(raw_json.member(value, name) or b"null")
    if not isinstance(key, str) or not key:
        raise ValueError(f"value needs an {name}")
    return key


def typed(directory: Directory, target: str, value: bytes) -> bytes:
    """Return a link's value with `@odata.type`, which is inserted first if it is absent."""
    if raw_json.member(value, "@odata.type") is not None:
        return value
    match = directory.find_any(target)
    name = match[0].odata_type if match else "#microsoft.graph.user"
    return raw_json.before(value, raw_json.written("@odata.type", json.dumps(name).encode()))


def load(directory: Directory, text: bytes) -> int:
    """Apply the lines of a `--load` file, objects before links. Return the number of lines.

    Raises ValueError naming the first invalid line.
    """
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
