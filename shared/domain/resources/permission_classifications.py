"""The classes, such as low, that an organization gives to the scopes of applications.

Graph tracks them in no delta. (Graph reference: delegatedPermissionClassification.)
"""

from shared.domain.resources.restoring import RestoreKind, Restoring, SafeCreate
from shared.domain.resources.rows import below
from shared.domain.resources.table import Children, Reference, ReferenceKind, Resource, Rhythm

_PRINCIPALS = "/servicePrincipals"
_CLASSIFICATIONS = f"{_PRINCIPALS}/{{id}}/delegatedPermissionClassifications"
_READ = "Application.Read.All"

_RESTORE_CLASSIFICATIONS = Restoring(
    kind=RestoreKind.ROW,
    stage=9,
    collection=_CLASSIFICATIONS.replace("{id}", "{owner}"),
    item=f"{_CLASSIFICATIONS.replace('{id}', '{owner}')}/{{id}}",
    required=("classification", "permissionId", "permissionName"),
    create_only=("classification", "permissionId", "permissionName"),
    create=SafeCreate.NATURAL,
    identified_by=("permissionId",),
    catches=("A scope has one classification; policies for consents go by it.",),
)

ROWS = (
    below(
        Resource(
            resource="servicePrincipals.delegatedPermissionClassifications",
            family="applications",
            path=_CLASSIFICATIONS,
            permission_read=_READ,
            permission_write="Policy.ReadWrite.PermissionGrant",
            licence="none",
            everywhere=True,
            properties=("id", "classification", "permissionId", "permissionName"),
            references=(Reference(path="permissionId", kind=ReferenceKind.PERMISSION),),
            restoring=_RESTORE_CLASSIFICATIONS,
        ),
        Children(owner="servicePrincipals", segment="delegatedPermissionClassifications", links=False),
        owners=_PRINCIPALS,
        rhythm=Rhythm.SELDOM,
    ),
)

RESOURCES = tuple(row.resource for row in ROWS)
STREAMS = tuple(row.stream for row in ROWS)
