"""Policies about claims and tokens, with the applications and service principals that they apply to.

Which objects a policy applies to is read from the policy's side: one request for each of the few policies. (Graph
reference: claimsMappingPolicy, tokenIssuancePolicy, tokenLifetimePolicy.)
"""

from shared.domain.resources.restoring import LinkWrite, RestoreKind, Restoring, SafeCreate
from shared.domain.resources.rows import Row, below, listed
from shared.domain.resources.table import Children, Resource

_READ, _WRITE = "Policy.Read.All", "Policy.ReadWrite.ApplicationConfiguration"
_WRITABLE = ("definition", "displayName", "isOrganizationDefault")


def _policies(name: str) -> tuple[Row, Row]:
    """Return the rows of a kind of policies, and of the objects that they apply to."""
    path = f"/policies/{name}"
    return (
        listed(
            Resource(
                resource=name,
                family="applications",
                path=path,
                permission_read=_READ,
                permission_write=_WRITE,
                licence="P1",
                properties=("id", "deletedDateTime", "description", *_WRITABLE),
                restoring=Restoring(
                    kind=RestoreKind.OBJECT,
                    stage=10,
                    collection=path,
                    item=f"{path}/{{id}}",
                    required=("definition", "displayName"),
                    writable=_WRITABLE,
                    whole=("definition",),
                    not_cleared=_WRITABLE,
                    create=SafeCreate.LISTED,
                    identified_by=("displayName",),
                    brief="a new id",
                    catches=("Deleted policies are gone at once, with their links to applications.",),
                ),
            ),
        ),
        below(
            Resource(
                resource=f"{name}.appliesTo",
                family="applications",
                path=f"{path}/{{id}}/appliesTo",
                permission_read=_READ,
                permission_write=_WRITE,
                licence="P1",
                restoring=Restoring(
                    kind=RestoreKind.LINK,
                    stage=11,
                    link=LinkWrite(
                        add=f"/{{kind}}/{{id}}/{name}/$ref",
                        remove=f"/{{kind}}/{{id}}/{name}/{{owner}}/$ref",
                        names=f"{path}/{{owner}}",
                    ),
                    permissions=("Application.ReadWrite.All",),
                    brief="written at the application",
                ),
            ),
            Children(owner=name, segment="appliesTo", links=True),
            owners=path,
        ),
    )


ROWS = tuple(
    row
    for name in ("claimsMappingPolicies", "tokenIssuancePolicies", "tokenLifetimePolicies")
    for row in _policies(name)
)

RESOURCES = tuple(row.resource for row in ROWS)
STREAMS = tuple(row.stream for row in ROWS)
