"""Generate ``docs/permissions.md`` from the table of resources."""

from collections.abc import Mapping, Sequence

from shared.domain.resources import RESOURCES, Resource
from shared.domain.resources.choice import FAMILIES, Choice
from shared.domain.resources.permissions import (
    HIDDEN_MEMBERS,
    TOTAL,
    permissions_to_read,
    permissions_to_restore,
    roles_to_restore,
)
from tests.generated.tables import code, table
from tests.pages import TOP

PAGE = TOP / "docs" / "permissions.md"
_TOP = """\
# The permissions of the applications

Entrakeep uses two applications of a directory: one reads it for every backup, one writes to it, and only for restores. Both
need application permissions of Microsoft Graph. This page lists them by family. It is generated from the table that the
code decides by.

`entrakeep permissions` prints the same list for what you choose, and a script that registers the application:

```sh
entrakeep permissions --format az --directory-id 33333333-3333-3333-3333-333333333333 > register.sh
entrakeep permissions --format powershell --directory-id 33333333-3333-3333-3333-333333333333 > register.ps1
entrakeep permissions --format terraform --directory-id 33333333-3333-3333-3333-333333333333 > entrakeep.tf
entrakeep permissions --restore --format az --directory-id 33333333-3333-3333-3333-333333333333 > register-restore.sh
entrakeep permissions --without roles-pim --with beta
```

- A missing permission stops nothing else: its resources are reported as `forbidden`. `entrakeep tenant check NAME` names
  each that is missing, with `--restore` for the application that restores.
- Families and resources that are switched off need no permission.
- A resource that Microsoft documents for signed-in people only needs none either: Graph refuses applications.
- `@HIDDEN@` is not in the lists. Without it, groups with hidden membership look empty
  ([environments.md](environments.md)).

"""
_RESTORE = """
# To restore

With @TOTAL@ an application can give itself every right, so its credential gives the whole directory. Leave out what you do
not restore, or disable the application between restores. A missing permission stops only what needs it, and the plan of a
restore says so before anything is written.
"""


def text() -> str:
    """Return the whole page."""
    rows = list(RESOURCES.values())
    by_default = permissions_to_read(Choice().rows())
    reading = (
        _TOP.replace("@HIDDEN@", HIDDEN_MEMBERS)
        + "# To read\n\n"
        + f"What is backed up by default needs {len(by_default)} permissions; *with* marks those that only resources need "
        + "which are switched on.\n"
    )
    families = "".join(
        _family(family, permissions_to_read(_rows_of(rows, family)), default=by_default) for family in FAMILIES
    )
    total = sorted(TOTAL & permissions_to_restore(rows).keys())
    restoring = "".join(_restoring(family, _rows_of(rows, family)) for family in FAMILIES)
    return reading + families + _RESTORE.replace("@TOTAL@", code(total)) + restoring


def _rows_of(rows: Sequence[Resource], family: str) -> list[Resource]:
    return [row for row in rows if row.family == family]


def _family(family: str, needed: Mapping[str, Sequence[Resource]], *, default: Mapping[str, Sequence[Resource]]) -> str:
    """Return the section of a family's permissions to read."""
    cells = [(f"`{name}`" + ("" if name in default else " *with*"), _names(rows)) for name, rows in needed.items()]
    return f"\n## {family}\n\n" + table(("permission", "for"), cells) if cells else ""


def _restoring(family: str, rows: Sequence[Resource]) -> str:
    """Return the section of a family's permissions and directory roles to restore."""
    cells = [(f"`{name}`", _names(needing)) for name, needing in permissions_to_restore(rows).items()]
    roles = roles_to_restore(rows)
    if not cells:
        return ""
    also = f"\nDirectory roles that some of it needs too: {', '.join(roles)}.\n" if roles else ""
    return f"\n## To restore {family}\n\n" + table(("permission", "for"), cells) + also


def _names(rows: Sequence[Resource]) -> str:
    return ", ".join(row.resource for row in rows)
