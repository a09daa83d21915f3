"""Administrative units, definitions of directory roles, and who has which role where."""

import json

from simulator.graph.kinds import properties
from simulator.graph.kinds.core import EXTENSIONS
from simulator.graph.kinds.model import DIRECTORY_READ, DIRECTORY_WRITE, Kind, OwnBin, Relation

_READ = frozenset(("RoleManagement.Read.Directory", "RoleManagement.ReadWrite.Directory", *DIRECTORY_READ))
_WRITE = frozenset(("RoleManagement.ReadWrite.Directory",))

SCOPED_MEMBERS = Kind(
    path="scopedRoleMembers",
    type="scopedRoleMembership",
    properties=tuple(properties.SCOPED_MEMBER.split()),
    read=_READ,
    write=_WRITE,
    open=False,
)
"""Roles of users in an administrative unit."""

SCOPED = Relation("scopedRoleMembers", 1, child=SCOPED_MEMBERS)
UNITS = Kind(
    path="directory/administrativeUnits",
    type="administrativeUnit",
    properties=tuple(properties.UNIT.split()),
    read=frozenset(("AdministrativeUnit.Read.All", "AdministrativeUnit.ReadWrite.All", *DIRECTORY_READ)),
    write=frozenset(("AdministrativeUnit.ReadWrite.All", *DIRECTORY_WRITE)),
    delta=True,
    bin=True,
    licence="P1",
    indexed=("displayName",),
    relations=(
        Relation("members", 1, delta=True, by_default=True, creates=True),
        SCOPED,
        Relation("extensions", 1, child=EXTENSIONS),
    ),
)

_BUILT_IN = {
    "62e90394-69f5-4237-9190-012177145e10": "Global Administrator",
    "e8611ab8-c189-46e8-94e1-60213ab1f814": "Privileged Role Administrator",
    "7be44c8a-adaf-4e2a-84d6-ab2649e08a13": "Privileged Authentication Administrator",
    "194ae4cb-b126-40b2-bd5b-6091b380977d": "Security Administrator",
    "b1be1c3e-b65d-4f19-8427-f6fa0d97feb9": "Conditional Access Administrator",
    "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3": "Application Administrator",
    "158c047a-c907-4556-b7ef-446551a6b5f7": "Cloud Application Administrator",
    "29232cdf-9323-42fd-ade2-1d097af3e4de": "Exchange Administrator",
    "3a2c62db-5318-420d-8d74-23affee5d9d5": "Intune Administrator",
    "fe930be7-5e62-47db-91af-98c3a49a38b1": "User Administrator",
    "fdd7a751-b60b-444a-984c-02652fe8fa1c": "Groups Administrator",
    "729827e3-9c14-49f7-bb1b-9608f156bbb8": "Helpdesk Administrator",
    "c4e39bd9-1100-46d3-8c65-fb160da0071f": "Authentication Administrator",
    "4d6ac14f-3453-41d0-bef9-a3e0c569773a": "License Administrator",
    "f2ef992c-3afb-46b9-b7cf-a126ee74c451": "Global Reader",
    "5d6b6bb7-de71-4623-b4af-96380a352509": "Security Reader",
    "4a5d8f65-41da-4de4-8968-e035b65339cf": "Reports Reader",
    "88d8e3e3-8f55-4a1e-953a-9b9898b8876b": "Directory Readers",
}


def _built_in(id: str, name: str) -> str:
    return json.dumps(
        {
            "id": id,
            "description": f"The built-in role {name}.",
            "displayName": name,
            "isBuiltIn": True,
            "isEnabled": True,
            "resourceScopes": ["/"],
            "templateId": id,
            "version": "1",
            "rolePermissions": [
                {"allowedResourceActions": ["microsoft.directory/users/standard/read"], "condition": None}
            ],
        }
    )


DEFINITIONS = Kind(
    path="roleManagement/directory/roleDefinitions",
    type="unifiedRoleDefinition",
    properties=tuple(properties.ROLE_DEFINITION.split()),
    read=_READ,
    write=_WRITE,
    open=False,
    licence="P1",
    initial=tuple(_built_in(template, name) for template, name in _BUILT_IN.items()),
    own_bin=OwnBin("roleManagement/directory/deletedItems/roleDefinitions"),
)
ROLE_ASSIGNMENTS = Kind(
    path="roleManagement/directory/roleAssignments",
    type="unifiedRoleAssignment",
    properties=tuple(properties.ROLE_ASSIGNMENT.split()),
    read=_READ,
    write=_WRITE,
    open=False,
    indexed=("principalId", "roleDefinitionId"),
    references=("principalId",),
    relations=(Relation("principal", 1, to_one=True, by_property="principalId"),),
)

_ELIGIBILITY_READ = frozenset(
    ("RoleEligibilitySchedule.Read.Directory", "RoleEligibilitySchedule.ReadWrite.Directory", *_READ)
)
ELIGIBILITIES = Kind(
    path="roleManagement/directory/roleEligibilitySchedules",
    type="unifiedRoleEligibilitySchedule",
    properties=tuple(properties.ELIGIBILITY.split()),
    read=_ELIGIBILITY_READ,
    write=frozenset(),
    open=False,
    licence="P2",
    indexed=("principalId", "roleDefinitionId"),
    references=("principalId",),
)
"""Roles that principals may activate. Requests create and delete them."""
ELIGIBILITY_REQUESTS = Kind(
    path="roleManagement/directory/roleEligibilityScheduleRequests",
    type="unifiedRoleEligibilityScheduleRequest",
    properties=tuple(properties.ELIGIBILITY_REQUEST.split()),
    read=_ELIGIBILITY_READ,
    write=frozenset(("RoleEligibilitySchedule.ReadWrite.Directory", *_WRITE)),
    open=False,
    licence="P2",
    indexed=("principalId", "roleDefinitionId"),
)

KINDS = (UNITS, DEFINITIONS, ROLE_ASSIGNMENTS, ELIGIBILITIES, ELIGIBILITY_REQUESTS)
