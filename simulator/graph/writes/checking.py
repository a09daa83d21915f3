"""The checks that rules imply for every kind: required, read-only, fixed, too long, empty and duplicate values."""

from simulator.graph.answers import Refused
from simulator.graph.kinds import Kind
from simulator.graph.stored import State
from simulator.graph.writes.rules import Change, Rules, Unique


def check(rules: Rules, change: Change) -> None:
    """Raise Refused (400) for the first property that breaks a rule of the kind."""
    if change.creates:
        for name in rules.required:
            if change.given.get(name) is None:
                raise rules.refused(f"A value is required for property '{name}' of resource '{resource(change.kind)}'.")
    for name, value in change.given.items():
        _check_property(rules, change, name, value)
    for unique in rules.unique:
        _check_unique(change, unique)
    for further in rules.checks:
        further(change)


def resource(kind: Kind) -> str:
    """Return the name of a kind as messages write it."""
    return kind.type[0].upper() + kind.type[1:]


def invalid(rules: Rules, kind: Kind, name: str) -> Refused:
    """Return the error for a value that a property cannot have."""
    return rules.refused(f"Invalid value specified for property '{name}' of resource '{resource(kind)}'.")


def _check_property(rules: Rules, change: Change, name: str, value: object) -> None:
    current = (change.old or {}).get(name)
    fixed = name in rules.create_only and not change.creates and value != current
    if name in rules.read_only or fixed or f"{change.kind.path}.{name}" in change.directory.quirks.read_only:
        raise rules.refused(f"Property '{name}' is read-only and cannot be set.")
    needed = rules.permissions.get(name)
    if name in rules.delegated or (needed and not change.app.may(needed)):
        raise Refused(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
    if name in rules.alone and (change.creates or len(change.given) > 1):
        raise rules.refused(f"Property '{name}' cannot be set together with other properties.")
    if name in rules.once and current not in (None, value):
        raise rules.refused(f"Property '{name}' cannot be changed once it has been set.")
    if value == "" and not rules.blank:
        raise invalid(rules, change.kind, name)
    if value is None and name in rules.not_null:
        raise invalid(rules, change.kind, name)
    if name in rules.at_most and isinstance(value, str | list) and len(value) > rules.at_most[name]:
        raise invalid(rules, change.kind, name)


def _check_unique(change: Change, unique: Unique) -> None:
    value = change.given.get(unique.name)
    if value is None or not unique.applies({**(change.old or {}), **change.given}):
        return
    for text in value if isinstance(value, list) else [value]:
        for key, stored in change.directory.with_value(change.kind, unique.name, str(text)):
            counts = stored.state is State.LIVE or unique.in_bin
            if key != change.id and counts and unique.applies(stored.properties()):
                raise conflict(unique.name)


CONFLICT = "A conflicting object with one or more of the specified property values is present in the directory."


def conflict(name: str) -> Refused:
    """Return the error for a value that another object has."""
    return Refused(
        400,
        "Request_BadRequest",
        f"Another object with the same value for property {name} already exists.",
        details=[
            {"code": "ObjectConflict", "message": "The value is taken.", "target": name},
            {"code": "ConflictingObjects", "message": "The value is taken.", "target": name},
        ],
    )
