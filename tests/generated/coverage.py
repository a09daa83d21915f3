"""Generate ``docs/coverage.md`` from the table of resources."""

from collections.abc import Iterable

from shared.domain.resources import LINKS, RESOURCES, STREAMS, Reading, Resource, Rhythm, Switch
from shared.domain.resources.choice import FAMILIES
from shared.domain.resources.coverage import ELSEWHERE, UNPROTECTED
from tests.generated.tables import code, table
from tests.pages import TOP

PAGE = TOP / "docs" / "coverage.md"
_TOP = """\
# What is protected

This page lists every kind of data in a directory, by family: how Entrakeep reads it, what that needs, and how a restore
writes it back. It is generated from the table that the code decides by. `entrakeep resources` prints the same.

@NUMBERS@

- **path**: where Microsoft Graph has it. A path that begins with `beta` belongs to Graph's beta version, which may change
  without notice.
- **read**: *changes* by a delta query; *whole* as a list at each backup, of which only differences are stored; *one object*;
  or *below* each object of another resource. *With* names the resource whose reading brings it along.
- **when**: at each backup, or *seldom*: at a full backup, and when the last reading is older than `--full-every`. The
  completeness report then says as of when.
- **licence**, **permission**: what reading needs. Without them the resource is reported as `unlicensed` or `forbidden`, and
  everything else is backed up. [permissions.md](permissions.md) lists all permissions.
- **restore**: how a restore writes it back. [restore.md](restore.md) has the details.
- **default**: *on*; or *beta* or *off*, which `entrakeep tenant update NAME --with` switches on: all beta resources by
  `--with beta`, each resource by its name. `--without` switches a family or a resource off. What is off is reported as
  `switched_off`.
"""
_SWITCHES = {Switch.STANDARD: "on", Switch.BETA: "beta", Switch.OPTIONAL: "off"}


def text() -> str:
    """Return the whole page."""
    families = "".join(_family(name) for name in FAMILIES)
    return _TOP.replace("@NUMBERS@", _numbers()) + families + _warnings() + _people() + _elsewhere() + _unprotected()


def _numbers() -> str:
    """Return the sentence that counts resources."""
    switches = [row.switch for row in RESOURCES.values()]
    by_default, beta, optional = (switches.count(each) for each in (Switch.STANDARD, Switch.BETA, Switch.OPTIONAL))
    return (
        f"{len(switches)} resources in {len(FAMILIES)} families: {by_default} are backed up by default, {beta} beta ones "
        f"and {optional} optional ones if they are switched on."
    )


def _family(family: str) -> str:
    """Return the section of a family."""
    cells = [
        (
            f"`{row.resource}`",
            f"`{'' if row.api == 'v1.0' else row.api}{row.path}`",
            _read(row),
            "seldom" if STREAMS[row.stream].rhythm is Rhythm.SELDOM else "each backup",
            row.licence,
            f"`{row.permission_read}`",
            row.restore,
            _SWITCHES[row.switch],
        )
        for row in RESOURCES.values()
        if row.family == family
    ]
    head = ("resource", "path", "read", "when", "licence", "permission", "restore", "default")
    return f"\n## {family}\n\n{table(head, cells)}"


def _read(row: Resource) -> str:
    """Return how a resource is read, as a phrase."""
    stream = STREAMS[row.stream]
    links = "links, " if row.resource in LINKS else ""
    if row.resource != stream.resource:
        return f"{links}with `{stream.resource}`"
    if stream.children is not None:
        return f"{links}below each of `{stream.children.owner}`"
    return {Reading.DELTA: "changes", Reading.LISTING: "whole", Reading.SINGLETON: "one object"}[stream.reading]


def _warnings() -> str:
    """Return the section about resources that a person should know about before switching them on."""
    rows = [(f"`{row.resource}`", row.warning) for row in RESOURCES.values() if row.warning]
    return _section("Before you switch them on", "", ("resource", "what to know"), rows)


def _people() -> str:
    """Return the section about resources that Graph shows to people only."""
    names = [row.resource for row in RESOURCES.values() if row.for_people]
    if not names:
        return ""
    return f"""
## Not available to applications

Microsoft documents these resources for signed-in people only: {code(names)}. Entrakeep asks for them all the same. If Graph
refuses, they are reported as `not_for_applications`, and the snapshot counts as complete.
"""


def _elsewhere() -> str:
    """Return the section about data that is read as part of another resource."""
    rows = [(each.name, each.family, f"`{each.path}`", f"`{each.read_as}`", each.reason) for each in ELSEWHERE]
    intro = "Graph shows these from another side, or inside other objects. They are read once.\n\n"
    return _section("Part of another resource", intro, ("data", "family", "path", "read as", "why"), rows)


def _unprotected() -> str:
    """Return the section about data that is not backed up."""
    rows = [(each.name, each.family, f"`{each.path}`", each.reason) for each in UNPROTECTED]
    return _section("Not protected", "", ("data", "family", "path", "why"), rows)


def _section(title: str, intro: str, head: tuple[str, ...], rows: Iterable[Iterable[str]]) -> str:
    """Return a section with a table, or nothing if there are no rows."""
    kept = list(rows)
    return f"\n## {title}\n\n{intro}{table(head, kept)}" if kept else ""
