"""Objects in the recycle bin of the directory, from which a restore undeletes them within 30 days.

(Graph reference: "List deletedItems".)
"""

from shared.domain.resources import administrative_units, applications, groups, service_principals, users
from shared.domain.resources.restoring import RestoreKind, Restoring
from shared.domain.resources.rows import Row, listed
from shared.domain.resources.table import Resource, Stream


def _bin(name: str, type: str, family: str, permissions: tuple[str, str], live: tuple[Stream, ...]) -> Row:
    """Return the row of the objects of a resource that are in the recycle bin. ``live`` has the stream of the others."""
    select = next(stream.select for stream in live if stream.name == name)
    return listed(
        Resource(
            resource=f"{name}.deleted",
            family=family,
            path=f"/directory/deletedItems/microsoft.graph.{type}",
            permission_read=permissions[0],
            permission_write=permissions[1],
            licence="none",
            everywhere=True,
            properties=(*select, "deletedDateTime"),
            restoring=Restoring(
                kind=RestoreKind.NEVER,
                stage=0,
                brief=f"a restore of {name} undeletes them",
                catches=(
                    f"A restore of {name} looks into the recycle bin itself, so these records are never written.",
                    "Graph empties the recycle bin after 30 days.",
                ),
            ),
        ),
        top=999,
        paged=True,
    )


_APPS = ("Application.Read.All", "Application.ReadWrite.All")

ROWS = (
    _bin("applications", "application", "applications", _APPS, applications.STREAMS),
    _bin("servicePrincipals", "servicePrincipal", "applications", _APPS, service_principals.STREAMS),
    _bin("users", "user", "identity", ("User.Read.All", "User.DeleteRestore.All"), users.STREAMS),
    _bin("groups", "group", "identity", ("Group.Read.All", "Group.ReadWrite.All"), groups.STREAMS),
    _bin(
        "administrativeUnits",
        "administrativeUnit",
        "roles-pim",
        ("AdministrativeUnit.Read.All", "AdministrativeUnit.ReadWrite.All"),
        administrative_units.STREAMS,
    ),
)

RESOURCES = tuple(row.resource for row in ROWS)
STREAMS = tuple(row.stream for row in ROWS)
