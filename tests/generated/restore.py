"""Generate ``docs/restore.md`` from the table of resources."""

from collections.abc import Iterable

from shared.domain.resources import REMAPPED, RESOURCES, Reference, ReferenceKind, Resource, Restoring
from shared.domain.resources.restoring import RestoreKind, SafeCreate
from tests.generated.tables import code, table
from tests.pages import TOP

PAGE = TOP / "docs" / "restore.md"
_TOP = """\
# What a restore writes

This page says, for every resource, how its records are written back, what that needs, and what cannot come back. It is
generated from the table that the code decides by. `entrakeep resources` shows the summary.

- An object that is in the recycle bin is undeleted, and keeps its id. An object that is gone for good is recreated, under
  a new id. From then on, every restore writes the new id wherever the snapshot names the old one.
- Only properties that differ are written, and only those that Graph lets be written. A property that the snapshot does not
  hold is left as it is. All properties that are named nowhere below are set by Graph.
- The restore identity of the tenant needs the permissions below. Some writes also need a directory role, or can be done by
  an administrator only. The plan says so before anything is written.
- Graph applies writes in stages: objects before what names them, Conditional Access last.

"""
_KINDS = {
    RestoreKind.OBJECT: "An object, which is created and updated.",
    RestoreKind.SINGLETON: "It always exists, and is updated.",
    RestoreKind.LINK: "A link, which is added and removed.",
    RestoreKind.ROW: "A row, which is created and removed, and never changed.",
    RestoreKind.ADMINISTRATOR: "Written by an administrator: Graph lets no application do it. The plan lists the values.",
    RestoreKind.NEVER: "Never written.",
}
_CREATES = {
    SafeCreate.NATURAL: "Graph refuses a second one with the same {names}.",
    SafeCreate.CLIENT_KEY: "The restore chooses {names}, so a repeated request meets the same object.",
    SafeCreate.LISTED: "It is listed whole: a new one with the same {names} is the one that the restore created.",
    SafeCreate.MARK: "A unique text in {names} finds it, and is replaced later.",
}
_NAMES = {
    ReferenceKind.OBJECT: "an id",
    ReferenceKind.APP_ID: "an appId",
    ReferenceKind.TEXT: "ids inside a text",
    ReferenceKind.ROLE: "the template id of a role",
    ReferenceKind.PERMISSION: "the id of an app role or scope",
    ReferenceKind.OUTSIDE: "something outside of directories",
    ReferenceKind.DIRECTORY: "another directory",
    ReferenceKind.NAME: "a fixed name",
}


def text() -> str:
    """Return the whole page."""
    return _TOP + _overview() + "".join(_section(row) for row in RESOURCES.values()) + _references()


def _overview() -> str:
    rows = sorted(RESOURCES.values(), key=lambda row: _restoring(row).stage)
    cells = (
        [code([row.resource]), row.restore, code(row.permissions_to_restore) or "none", str(_restoring(row).stage)]
        for row in rows
    )
    return "## Overview\n\n" + table(("resource", "how", "permissions", "stage"), cells)


def _section(row: Resource) -> str:
    part = _restoring(row)
    facts = [*_facts(row, part)]
    catches = [*(f"- {each}\n" for each in part.catches), *(f"- {each.reason}\n" for each in part.fixed)]
    return f"\n## {row.resource}\n\n{_way(part)}\n\n" + table(("what", "how"), facts) + _list(catches)


def _way(part: Restoring) -> str:
    """Return how records come back, as a sentence."""
    if part.by_hand:
        return f"Written by an administrator. {part.by_hand}."
    if part.kind is RestoreKind.OBJECT and part.create is SafeCreate.NEVER:
        return f"An object, which is {'undeleted and ' if part.bin else ''}updated, and never created."
    return _KINDS[part.kind]


def _facts(row: Resource, part: Restoring) -> Iterable[tuple[str, str]]:
    """Yield the rows of a resource's table."""
    if part.link is not None:
        yield "add, remove", f"`{part.link.method} {part.link.add}`, `DELETE {part.link.remove}`"
        if part.link.bind:
            yield "together", "up to 20 links in one request"
    elif part.item:
        create = f"`POST {part.collection}`, " if part.collection else ""
        update = "PUT" if part.replaced else "PATCH"
        yield (
            "requests",
            f"{create}`{update} {part.item}`" if part.kind is not RestoreKind.ROW else create + f"`{part.item}`",
        )
    if part.bin is not None:
        who = "" if part.bin.by_application else ", by an administrator only"
        yield "recycle bin", f"`POST {part.bin.restore}`{who}"
        if part.bin.loses:
            yield "an undelete loses", "; ".join(part.bin.loses)
    if part.kind in (RestoreKind.OBJECT, RestoreKind.ROW) and part.create is not SafeCreate.NEVER:
        names = code([part.mark] if part.create is SafeCreate.MARK else part.identified_by)
        yield "never created twice", _CREATES[part.create].format(names=names)
    yield from _properties(part)
    yield "permissions", code(row.permissions_to_restore) or "none"
    yield from ((title, ", ".join(names)) for title, names in (("directory roles", part.roles),) if names)


def _properties(part: Restoring) -> Iterable[tuple[str, str]]:
    """Yield the rows about properties that the resource has."""
    rows = (
        ("demanded at creation", (*part.required, *part.generated)),
        ("written", part.writable),
        ("given at creation only", part.create_only),
        ("written by a call of its own", tuple(call.property for call in part.calls)),
        ("written alone", part.alone),
        ("written after all objects exist", part.later),
        ("written last", part.last),
        ("written as a whole", part.whole),
        ("never cleared", part.not_cleared),
        ("written for synchronised objects too", part.synced),
        ("sensitive for protected users", part.sensitive),
        ("not given to an object recreated", part.keyed),
        ("cannot come back", part.secret),
        ("by an administrator only", part.by_administrator),
    )
    yield from ((title, code(names)) for title, names in rows if names)


def _references() -> str:
    """Return the section about properties that name other objects."""
    cells = [
        [f"`{row.resource}`", f"`{each.path}`", _NAMES[each.kind], code(each.resources), _rewritten(each)]
        for row in RESOURCES.values()
        for each in row.references
    ]
    intro = """
## What names what

If an object was recreated, its new id is written wherever the snapshot names the old one. A list of names is written only
if every object that it names exists.

"""
    return intro + table(("resource", "property", "names", "of", "rewritten"), cells)


def _rewritten(reference: Reference) -> str:
    return "yes" if reference.kind in REMAPPED else "no"


def _restoring(row: Resource) -> Restoring:
    assert row.restoring is not None
    return row.restoring


def _list(lines: list[str]) -> str:
    return "\n" + "".join(lines) if lines else ""
