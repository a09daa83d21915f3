"""Rules for writes of policies about sign-in and devices, of roles of entitlement management, and of custom attributes."""

from simulator.graph.writes.rules import Change, Rules

FLOWS = Rules(creates=False, deletes=False, blank=True)
FEDERATED_TOKENS = Rules(read_only=frozenset(("deletedDateTime",)), creates=False, deletes=False)
REGISTRATION = Rules(creates=False, deletes=False, updates=False, replaces=True, blank=True)
"""Graph takes the whole policy by PUT."""
ENTITLEMENT_ASSIGNMENT = Rules(required=("appScopeId", "principalId", "roleDefinitionId"), updates=False)
ATTRIBUTE_SET = Rules(required=("id",), names_itself="id", create_only=frozenset(("id",)), deletes=False)


def _attribute_id(change: Change) -> dict[str, object]:
    """Return the id of a definition: the name of its set, and its own."""
    return {"id": f"{change.value('attributeSet')}_{change.value('name')}"}


ATTRIBUTE = Rules(
    required=(
        "attributeSet",
        "isCollection",
        "isSearchable",
        "name",
        "status",
        "type",
        "usePreDefinedValuesOnly",
    ),
    create_only=frozenset(("attributeSet", "isCollection", "isSearchable", "name", "type")),
    derived=_attribute_id,
    deletes=False,
)
ALLOWED_VALUE = Rules(required=("id", "isActive"), names_itself="id", create_only=frozenset(("id",)), deletes=False)
SERVICE_ROLE = Rules(
    required=("displayName", "rolePermissions"), read_only=frozenset(("isBuiltIn", "isEnabled", "templateId"))
)
"""Roles of Exchange, Intune and Windows 365."""
