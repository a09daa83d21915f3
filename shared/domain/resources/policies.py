"""Conditional Access policies, read whole in one listing because Graph has no delta for them.

Graph allows 1 request a second and tenant.
"""

from shared.domain.resources.table import Reading, Resource, Stream

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
