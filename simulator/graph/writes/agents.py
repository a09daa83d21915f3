"""The rules of identities of agents (Graph: "Create agentIdentityBlueprint", "Create agentIdentity")."""

import uuid

from simulator.graph.writes.rules import Change, Rules, Unique

_BY_GRAPH = frozenset(
    (
        "certification",
        "createdByAppId",
        "createdDateTime",
        "deletedDateTime",
        "disabledByMicrosoftStatus",
        "publisherDomain",
        "servicePrincipalType",
        "verifiedPublisher",
    )
)


def _created(change: Change) -> dict[str, object]:
    return {"createdDateTime": change.directory.clock.precise(), "tags": []}


BLUEPRINT = Rules(
    required=("displayName",),
    read_only=_BY_GRAPH | {"appId"},
    once=frozenset(("uniqueName",)),
    not_null=frozenset(("displayName",)),
    unique=(Unique("uniqueName", in_bin=True),),
    defaults=lambda change: {
        **_created(change),
        "appId": str(uuid.uuid4()),
        "appRoles": [],
        "identifierUris": [],
        "keyCredentials": [],
        "passwordCredentials": [],
        "signInAudience": "AzureADMyOrg",
    },
)
PRINCIPAL = Rules(
    required=("appId",),
    create_only=frozenset(("appId",)),
    read_only=_BY_GRAPH,
    unique=(Unique("appId"),),
    defaults=lambda change: {**_created(change), "accountEnabled": True, "servicePrincipalType": "Application"},
)
IDENTITY = Rules(
    required=("agentIdentityBlueprintId", "displayName"),
    create_only=frozenset(("agentIdentityBlueprintId",)),
    read_only=_BY_GRAPH,
    not_null=frozenset(("displayName",)),
    defaults=lambda change: {**_created(change), "accountEnabled": True, "servicePrincipalType": "ServiceIdentity"},
)
INHERITABLE = Rules(
    required=("resourceAppId",), create_only=frozenset(("resourceAppId",)), names_itself="resourceAppId", blank=True
)
"""Permissions that all agents of a blueprint have."""
