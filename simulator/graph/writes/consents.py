"""The rules of permission grants (Graph: "Update oAuth2PermissionGrant"). The module `assignments` creates them."""

from simulator.graph.writes.rules import Rules

GRANTS = Rules(
    required=("clientId", "consentType", "resourceId"),
    create_only=frozenset(("clientId", "consentType", "principalId", "resourceId")),
    blank=True,
)
