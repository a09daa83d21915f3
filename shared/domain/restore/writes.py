"""Rules of the requests that a restore sends: what belongs together, marks, and properties that may be left out. Pure."""

import re
from collections.abc import Collection, Mapping, Sequence

import msgspec

from shared.domain.json_text import canonical, elements, members, string
from shared.domain.records import decode_id, is_guid
from shared.domain.resources import RESOURCES
from shared.domain.resources.restoring import RestoreKind, Restoring, SafeCreate
from shared.domain.restore.bodies import encoded
from shared.domain.restore.id_map import ids_of
from shared.domain.restore.operations import Action, Operation

MOST_LINKS = 20
"""Most references that Graph takes in one request. (Graph: "Add members".)"""
_MARK = "entrakeep-"
_MARKED = re.compile(rb'"entrakeep-[0-9a-f]{32}"')
_GUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_LISTS = frozenset({"tags"})
"""Properties with a mark that are lists of texts."""
_BY_PEOPLE = ("displayName", "mailNickname")
"""Properties that tell an object of ours from one that a person has created with the same name to sign in."""


def restoring_of(operation: Operation) -> Restoring:
    """Return how the operation's resource is written. Raise LookupError if this version does not write it."""
    row = RESOURCES.get(operation.resource)
    if row is None or row.restoring is None:
        raise LookupError(f"no operation writes {operation.resource}")
    return row.restoring


def object_id(key: str) -> str:
    """Return the last id of a record's key: that of an object, or of a link's target."""
    return decode_id(key.rpartition("/")[2])


def chain_of(operation: Operation) -> str:
    """Return a key that is the same for operations to carry out one after the other, such as those on one object."""
    restoring = restoring_of(operation)
    if restoring.create is SafeCreate.LISTED:
        return operation.resource  # two new objects with one name could not be told from each other
    if restoring.kind is RestoreKind.ROW:
        return operation.key.lower()
    match = _GUID.search(object_id(operation.key) if operation.action is Action.CREATE else operation.path)
    return match[0].lower() if match else operation.key.lower()


def names_of(operation: Operation) -> set[str]:
    """Return the ids, in lower case, of the objects that must exist before the operation.

    The object that the operation creates is not among them.
    """
    names = {each.lower() for each in operation.names} | ids_of(operation.path.encode())
    return names - created_ids(operation)


def created_ids(operation: Operation) -> set[str]:
    """Return the ids, in lower case, that the snapshot has for the objects which the operation creates or undeletes."""
    if operation.action not in (Action.CREATE, Action.UNDELETE):
        return set()
    app_id = {operation.app_id.lower()} if operation.app_id else set()
    return {object_id(operation.key).lower()} | app_id


# -- links


def may_bind(operation: Operation) -> bool:
    """Return True if one request may carry this link and others of the same object."""
    link = restoring_of(operation).link
    return operation.action is Action.LINK and link is not None and bool(link.bind) and operation.body is not None


def bind(bodies: Sequence[bytes], property: str) -> bytes:
    """Return the body that adds several references to one object, from the bodies that add one each."""
    references = [(members(body) or {}).get("@odata.id", b'""') for body in bodies]
    return msgspec.json.encode({f"{property}@odata.bind": [msgspec.Raw(each) for each in references]})


# -- creation


def creation_of(operation: Operation) -> SafeCreate:
    """Return the safeguard against creating the operation's object twice.

    A Microsoft 365 group is found by its nickname, which is unique and must obey the directory's naming policy from the
    beginning.
    """
    restoring = restoring_of(operation)
    if restoring.create is SafeCreate.MARK and restoring.mark in restoring.identified_by:
        kinds = elements((members(operation.body or b"") or {}).get("groupTypes", b"[]")) or []
        if b'"Unified"' in kinds:
            return SafeCreate.NATURAL
    return restoring.create


def is_repeatable(operation: Operation) -> bool:
    """Return True if the operation may be sent twice: it creates nothing, or patches an object whose key the caller chose."""
    return operation.action is not Action.CREATE or operation.method == "PATCH"


def mark_of(unique: str) -> str:
    """Return the mark that is made of ``unique``: 32 hexadecimal digits that no other mark has."""
    return f"{_MARK}{unique}"


def with_mark(body: bytes, property: str, mark: str) -> bytes:
    """Return the body of a creation with the mark in the property: as its value, or as one more element of a list."""
    properties = members(body) or {}
    text = msgspec.json.encode(mark)
    if property in _LISTS:
        properties[property] = b"[" + b",".join([*(elements(properties.get(property, b"[]")) or []), text]) + b"]"
    else:
        properties[property] = text
    return encoded(properties)


def unmarking(creation: Operation) -> Operation:
    """Return the patch that replaces the mark of a created object by the value which the snapshot has."""
    restoring = restoring_of(creation)
    blank = b"[]" if restoring.mark in _LISTS else b"null"
    value = (members(creation.body or b"") or {}).get(restoring.mark, blank)
    return msgspec.structs.replace(
        creation,
        action=Action.PATCH,
        method="PATCH",
        path=restoring.item.replace("{id}", object_id(creation.key)),
        body=encoded({restoring.mark: value}),
        properties=(restoring.mark,),
        names=(),
    )


def is_marked(value: bytes | None) -> bool:
    """Return True if a property's value has a mark."""
    return value is not None and _MARKED.search(value) is not None


def filter_of(restoring: Restoring, creation: SafeCreate, body: bytes, mark: str) -> str:
    """Return the ``$filter`` that finds a created object among others, or an empty text if the collection is listed."""
    if creation is SafeCreate.MARK:
        text = restoring.mark in _LISTS
        return f"{restoring.mark}/any(t:t eq '{mark}')" if text else f"{restoring.mark} eq '{mark}'"
    if creation is SafeCreate.LISTED:
        return ""
    properties = members(body) or {}
    texts = [(name, string(properties.get(name))) for name in restoring.identified_by]
    conditions = [f"{name} eq '{_quoted(text)}'" for name, text in texts if text is not None]
    return conditions[0] if conditions else ""


def is_created(
    restoring: Restoring, creation: SafeCreate, body: bytes, mark: str, candidate: Mapping[str, bytes]
) -> bool:
    """Return True if an object of the collection is the one that the body created.

    If a name identifies the object, further properties must match, because a person may have given the name to another
    object.
    """
    if creation is SafeCreate.MARK:
        return is_marked(candidate.get(restoring.mark)) and mark.encode() in candidate[restoring.mark]
    sent = members(body) or {}
    if not all(_equal(sent.get(name), candidate.get(name)) for name in restoring.identified_by):
        return False
    if all(is_guid(string(sent.get(name)) or "") for name in restoring.identified_by):
        return True
    return all(_equal(sent[name], candidate[name]) for name in _BY_PEOPLE if name in sent and name in candidate)


def _equal(sent: bytes | None, stored: bytes | None) -> bool:
    """Return True if Graph may store the sent value in this form. Texts are compared without case."""
    return canonical(sent).lower() == canonical(stored).lower()


def _quoted(text: str) -> str:
    """Return a text as it stands between the quotes of a filter in a URL."""
    return re.sub(r"[%&#+?]", lambda match: f"%{ord(match[0]):02X}", text.replace("'", "''"))


# -- properties that Graph refuses


def without_refused(operation: Operation, body: bytes, property: str) -> bytes | None:
    """Return the body without a property that Graph refuses, or None if the rest must not be sent alone."""
    name = property.partition(".")[0]
    restoring = restoring_of(operation)
    essential = {*restoring.required, *restoring.generated, *restoring.identified_by, *restoring.essential}
    if operation.action is Action.CREATE:
        essential |= {*restoring.create_only, restoring.mark}
    properties = members(body) or {}
    if name in essential or name not in properties:
        return None
    del properties[name]
    return encoded(properties) if any(not each.startswith("@") for each in properties) else None


def without_properties(operation: Operation, refused: Collection[str]) -> Operation:
    """Return the operation without properties that Graph has refused."""
    if not refused or operation.body is None:
        return operation
    names = {each.partition(".")[0] for each in refused}
    rest = {name: value for name, value in (members(operation.body) or {}).items() if name not in names}
    return msgspec.structs.replace(operation, body=encoded(rest))
