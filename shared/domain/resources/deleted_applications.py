"""Applications and service principals in the recycle bin, from which a restore undeletes them within 30 days.

(Graph reference: "List deletedItems".)
"""

from shared.domain.resources import applications, service_principals
from shared.domain.resources.restoring import RestoreKind, Restoring
from shared.domain.resources.rows import Row, listed
from shared.domain.resources.table import Resource, Stream


def _bin(name: str, type: str, live: tuple[Stream, ...]) -> Row:
    """Return the row of the objects of a resource that are in the recycle bin. ``live`` has the stream of the others."""
    select = next(stream.select for stream in live if stream.name == name)
    return listed(
        Resource(
            resource=f"{name}.deleted",
            family="applications",
            path=f"/directory/deletedItems/microsoft.graph.{type}",
            permission_read="Application.Read.All",
            permission_write="Application.ReadWrite.All",
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


ROWS = (
    _bin("applications", "application", applications.STREAMS),
    _bin("servicePrincipals", "servicePrincipal", service_principals.STREAMS),
)

RESOURCES = tuple(row.resource for row in ROWS)
STREAMS = tuple(row.stream for row in ROWS)
