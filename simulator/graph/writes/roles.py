"""The rules of role assignments and administrative units."""

from simulator.graph.writes.rules import Rules

ASSIGNMENTS = Rules(required=("principalId", "roleDefinitionId"), updates=False)
UNITS = Rules(required=("displayName",), create_only=frozenset(("isMemberManagementRestricted",)))
DEFINITIONS = Rules(required=("displayName", "isEnabled", "rolePermissions"), blank=True)
