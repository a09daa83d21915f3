"""The rules of applications, service principals and permission grants."""

import uuid

from simulator.graph.writes.rules import Change, Rules, Unique
from simulator.graph.writes.undeleting import (
    delete_service_principal,
    refuse_with_successor,
    refuse_without_application,
)


def _application(change: Change) -> dict[str, object]:
    return {
        "appId": str(uuid.uuid4()),
        "createdDateTime": change.directory.clock.precise(),
        "signInAudience": "AzureADMyOrg",
    }


def _service_principal(change: Change) -> dict[str, object]:
    return {
        "accountEnabled": True,
        "createdDateTime": change.directory.clock.text(),
        "servicePrincipalType": "Application",
    }


APPLICATIONS = Rules(
    required=("displayName",),
    once=frozenset(("uniqueName",)),
    unique=(Unique("uniqueName", in_bin=True),),
    defaults=_application,
    removed=delete_service_principal,
)
SERVICE_PRINCIPALS = Rules(
    required=("appId",),
    defaults=_service_principal,
    restoring=(refuse_with_successor, refuse_without_application),
)
GRANTS = Rules(required=("clientId", "consentType", "resourceId"), blank=True)
