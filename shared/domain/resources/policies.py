"""Conditional Access policies, read whole in one listing because Graph has no delta for them.

Graph allows 1 request a second and tenant.
"""

from shared.domain.resources.table import Reading, Reference, Resource, Stream

_POLICY = "id templateId displayName createdDateTime modifiedDateTime state conditions grantControls sessionControls"
_USERS, _APPLICATIONS, _CLIENTS = "conditions.users", "conditions.applications", "conditions.clientApplications"
_DIRECTORY_APPS = ("servicePrincipals", "applications")

RESOURCES = (
    Resource(
        resource="conditionalAccessPolicies",
        family="conditional-access",
        path="/identity/conditionalAccess/policies",
        stream="conditionalAccessPolicies",
        permission_read="Policy.Read.All",
        permission_write="Policy.ReadWrite.ConditionalAccess",
        licence="P1",
        restore="made again under a new id, as report-only first",
        everywhere=True,
        volatile=("modifiedDateTime",),
        properties=tuple(_POLICY.split()),
        references=(
            Reference(path=f"{_USERS}.includeUsers", resources=("users",)),
            Reference(path=f"{_USERS}.excludeUsers", resources=("users",)),
            Reference(path=f"{_USERS}.includeGroups", resources=("groups",)),
            Reference(path=f"{_USERS}.excludeGroups", resources=("groups",)),
            Reference(path=f"{_APPLICATIONS}.includeApplications", resources=_DIRECTORY_APPS, by_app_id=True),
            Reference(path=f"{_APPLICATIONS}.excludeApplications", resources=_DIRECTORY_APPS, by_app_id=True),
            Reference(path=f"{_CLIENTS}.includeServicePrincipals", resources=("servicePrincipals",)),
            Reference(path=f"{_CLIENTS}.excludeServicePrincipals", resources=("servicePrincipals",)),
        ),
    ),
)

STREAMS = (
    Stream(
        name="conditionalAccessPolicies",
        reading=Reading.LISTING,
        path="/identity/conditionalAccess/policies",
        collection="/identity/conditionalAccess/policies",
        resource="conditionalAccessPolicies",
    ),
)
