"""Which properties of an object a restore writes: those that differ, that the snapshot holds, and that Graph accepts."""

from collections.abc import Iterator

import msgspec

from shared.domain.compare import within
from shared.domain.json_text import is_annotation, members
from shared.domain.naming import own_name
from shared.domain.resources import RESOURCES
from shared.domain.resources.restoring import Restoring
from shared.domain.restore.bodies import (
    is_blank,
    is_same,
    is_unknown,
    part,
    text_at,
    texts_at,
    with_part,
    without_parts,
)
from shared.domain.restore.directory import Trait, traits_of
from shared.domain.restore.draft import Draft, restoring_of
from shared.domain.restore.named import last_id
from shared.domain.restore.operations import Hindrance
from shared.domain.restore.protection import NEED
from shared.domain.restore.refusals import BY_HAND, EXCHANGE, SYNCED, UNSHOWN, fixed_refusal
from shared.domain.restore.scope import ConflictRule
from shared.domain.restore.world import RecordDifference

NULL = b"null"
_SET_BY_GRAPH = "Graph sets this itself, or it follows from other properties."
_LICENCE_STATES = "licenseAssignmentStates"


class Change(msgspec.Struct, frozen=True):
    """An object whose properties differ."""

    resource: str
    key: str
    wanted: bytes
    live: bytes
    undeleted: bool = False
    """True if ``live`` is its state in the recycle bin: it is rolled back whatever the rules say."""
    created: bool = False
    """True if it is created anew, and ``live`` has nothing."""

    @property
    def object_id(self) -> str:
        """Return its id in lower case."""
        return last_id(self.key)

    @property
    def name(self) -> str | None:
        """Return the object's name in the directory, or in the snapshot if the object is created anew."""
        return own_name(self.wanted if self.is_fresh else self.live)

    @property
    def is_fresh(self) -> bool:
        """Return True if the object has no state in the directory before the restore."""
        return self.undeleted or self.created


def values_to_write(draft: Draft, change: Change) -> dict[str, bytes]:
    """Return the values to write by property, ``null`` to clear one. Refuse what cannot be written.

    Properties with a call of their own are among them.
    """
    restoring = restoring_of(change.resource)
    values = dict(_chosen(draft, change, restoring))
    refusal = fixed_refusal(restoring, change.live)
    if refusal is not None and values:
        writable = {name: values[name] for name in values if name not in RESOURCES[change.resource].volatile}
        draft.refuse(change.resource, change.key, *refusal, name=change.name, properties=values, values=writable)
        return {}
    return _accepted(draft, change, restoring, values)


def is_dynamic_after(draft: Draft, difference: RecordDifference) -> bool | None:
    """Return True if the plan makes the group dynamic, False if it makes the group static, None if neither."""
    live, wanted = (
        bool(traits_of(difference.resource, value or b"") & Trait.DYNAMIC)
        for value in (difference.live, difference.wanted)
    )
    scope = frozenset(draft.request.scope.properties)
    written = not scope or any(within(each, scope) for each in ("groupTypes", "membershipType"))
    overwritten = draft.request.rules.conflict is ConflictRule.OVERWRITE
    return wanted if live != wanted and written and overwritten else None


def _chosen(draft: Draft, change: Change, restoring: Restoring) -> Iterator[tuple[str, bytes]]:
    """Yield the properties that differ and that scope and rules choose, with the snapshot's value."""
    selected = draft.world.snapshot.coverage(change.resource).selected
    wanted, live = members(change.wanted) or {}, members(change.live) or {}
    hidden = {"id", *restoring.secret, *RESOURCES[change.resource].volatile}
    scope = frozenset(draft.request.scope.properties)
    for name in sorted(wanted.keys() | live.keys()):
        if name in hidden or is_annotation(name) or (name not in wanted and name not in selected):
            continue
        before, after = live.get(name, NULL), wanted.get(name, NULL)
        if scope and not change.undeleted:
            after = _scoped(name, before, after, scope)
        paths = restoring.parts_by_graph
        if before == after:
            continue
        if is_same(without_parts(name, before, paths), without_parts(name, after, paths)):
            continue
        if _rule_allows(draft, change, before):
            if name == _LICENCE_STATES:  # tells which licences are direct
                yield "assignedLicenses", wanted.get("assignedLicenses", NULL)
            else:
                yield name, after


def _scoped(name: str, live: bytes, wanted: bytes, scope: frozenset[str]) -> bytes:
    """Return the live value with those parts of the wanted value that are in the scope."""
    if within(name, scope):
        return wanted
    for path in sorted(scope):
        first, _, rest = path.partition(".")
        if first == name:
            live = with_part(live, rest, part(wanted, rest) or NULL)
    return live


def _rule_allows(draft: Draft, change: Change, live: bytes) -> bool:
    """Return True if the rule for conflicts lets a property be written."""
    rule = draft.request.rules.conflict
    if change.undeleted or rule is ConflictRule.OVERWRITE:
        return True
    return rule is ConflictRule.FILL_BLANKS and is_blank(live)


def _accepted(draft: Draft, change: Change, restoring: Restoring, values: dict[str, bytes]) -> dict[str, bytes]:
    """Return those of the values that Graph accepts, and refuse the others, each with its reason."""
    refused: dict[tuple[Hindrance, str], list[str]] = {}
    accepted: dict[str, bytes] = {}
    traits = traits_of(change.resource, change.live)
    permits = draft.protection.permits(change.object_id) if change.resource == "users" else True
    for name, value in values.items():
        refusal = _refusal(change, restoring, traits, name, value)
        if refusal is None and not permits and name in restoring.sensitive:
            refusal = (
                Hindrance.ADMINISTRATOR,
                f"It is a protected user: writing this needs the {NEED}. Assign the role and plan again, or set it by hand.",
            )
        if refusal is None:
            accepted[name] = value
        elif is_set_by_graph(restoring, name) and not draft.request.scope.properties:
            draft.set_by_graph[change.resource, name] += not change.undeleted
        else:
            refused.setdefault(refusal, []).append(name)
    for (kind, reason), names in refused.items():
        shown = {name: values[name] for name in names} if kind is Hindrance.ADMINISTRATOR else {}
        draft.refuse(change.resource, change.key, kind, reason, name=change.name, properties=names, values=shown)
    return accepted


def _refusal(
    change: Change, restoring: Restoring, traits: Trait, name: str, value: bytes
) -> tuple[Hindrance, str] | None:
    """Return why a property cannot be written, or None."""
    if is_set_by_graph(restoring, name):
        return Hindrance.IMPOSSIBLE, _SET_BY_GRAPH
    if traits & Trait.EXCHANGE:
        return Hindrance.IMPOSSIBLE, EXCHANGE
    if traits & Trait.SYNCED and name not in restoring.synced and not _has_call(restoring, name):
        return Hindrance.IMPOSSIBLE, SYNCED
    if name in restoring.by_administrator:
        return Hindrance.ADMINISTRATOR, BY_HAND
    if name not in restoring.writable and not _has_call(restoring, name):
        return Hindrance.IMPOSSIBLE, "Graph accepts this at creation only."
    if is_unknown(value):
        return Hindrance.NOT_HELD, UNSHOWN
    if name in restoring.not_cleared and value in (NULL, b'""'):
        return Hindrance.IMPOSSIBLE, "Graph does not let this be cleared."
    return _group_refusal(change, name) if change.resource == "groups" else None


def is_set_by_graph(restoring: Restoring, name: str) -> bool:
    """Return True if nobody can write a property."""
    others = {*restoring.writable, *restoring.create_only, *restoring.by_administrator}
    return name not in others and not _has_call(restoring, name)


def _group_refusal(change: Change, name: str) -> tuple[Hindrance, str] | None:
    """Return why a property of a group is fixed at its creation, or None."""
    if name == "visibility" and "HiddenMembership" in (text_at(change.live, name), text_at(change.wanted, name)):
        return Hindrance.IMPOSSIBLE, "Graph accepts hidden membership at creation only."
    if name == "groupTypes":
        live, wanted = (set(texts_at(side, name)) - {"DynamicMembership"} for side in (change.live, change.wanted))
        if live != wanted:
            return Hindrance.IMPOSSIBLE, "Graph accepts the type Unified at creation only."
    return None


def _has_call(restoring: Restoring, name: str) -> bool:
    return any(each.property == name for each in restoring.calls)
