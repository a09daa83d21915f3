"""The rules of service principals, which mostly follow their applications (Graph: "Create servicePrincipal")."""

import json
from typing import Any

from simulator.graph import raw_json
from simulator.graph.answers import bad_request
from simulator.graph.directory import Directory
from simulator.graph.kinds import APPLICATIONS, ASSIGNMENTS, SERVICE_PRINCIPALS
from simulator.graph.stored import State, Stored
from simulator.graph.writes import credentials
from simulator.graph.writes.rules import Change, Linking, Removal, Rules
from simulator.graph.writes.shapes import mapping, mappings, strings
from simulator.graph.writes.undeleting import name_in_use, refuse_with_successor, refuse_without_application

_FIRST_PARTY = {
    "00000003-0000-0000-c000-000000000000": "Microsoft Graph",
    "00000002-0000-0ff1-ce00-000000000000": "Office 365 Exchange Online",
    "00000003-0000-0ff1-ce00-000000000000": "Office 365 SharePoint Online",
    "797f4846-ba00-4fd7-ba43-dac1f8f63013": "Windows Azure Service Management API",
    "d4ebce55-015a-49b5-a083-c84d1797ae8c": "Microsoft Intune Enrollment",
}
"""Microsoft's own applications, which every directory can use, by appId."""
DEFAULT_ACCESS = "00000000-0000-0000-0000-000000000000"
"""The role id of an assignment without a role."""
_MICROSOFT = "f8cdef31-a31e-4b4a-93e4-5f571e91255a"
_ONE_POLICY = ("claimsMappingPolicies", "homeRealmDiscoveryPolicies")
"""Relations to policies of which a service principal has one at most."""
_DEFINED_BY_APPLICATION = ("appRoles", "oauth2PermissionScopes")


def _application(directory: Directory, app_id: str) -> Stored | None:
    matches = directory.with_value(APPLICATIONS, "appId", app_id)
    return next((stored for key, stored in matches if directory.reachable(APPLICATIONS, key)), None)


def _live_with(directory: Directory, app_id: str) -> list[str]:
    principals = directory.with_value(SERVICE_PRINCIPALS, "appId", app_id)
    return [key for key, stored in principals if stored.state is State.LIVE]


def _check_application(change: Change) -> None:
    """Raise Refused: an unknown application (400), or one that has a service principal already (409)."""
    if not change.creates:
        return
    app_id = str(change.given["appId"])
    if _live_with(change.directory, app_id):
        raise name_in_use(app_id)
    foreign = change.directory.was_used(SERVICE_PRINCIPALS, "appId", app_id) and not change.directory.was_used(
        APPLICATIONS, "appId", app_id
    )
    if _application(change.directory, app_id) is None and not foreign and app_id not in _FIRST_PARTY:
        raise bad_request(
            f"The appId '{app_id}' of the service principal does not reference a valid application object."
        )


def _check_definitions(change: Change) -> None:
    """Raise Refused (400) for roles or scopes that differ from those of the application."""
    for name in _DEFINED_BY_APPLICATION:
        if not change.creates and name in change.given and change.given[name] != (change.old or {}).get(name):
            raise bad_request(f"Property {name} on the service principal does not match the application object")


def _of_application(application: Stored, app_id: str) -> dict[str, object]:
    """Return the properties that a service principal takes from its application."""
    properties: dict[str, Any] = application.properties()
    return {
        "appDescription": properties.get("description"),
        "appDisplayName": properties.get("displayName"),
        "appRoles": properties.get("appRoles") or [],
        "displayName": properties.get("displayName"),
        "oauth2PermissionScopes": mapping(properties.get("api")).get("oauth2PermissionScopes") or [],
        "replyUrls": strings(mapping(properties.get("web")).get("redirectUris")),
        "servicePrincipalNames": [*strings(properties.get("identifierUris")), app_id],
        "signInAudience": properties.get("signInAudience"),
    }


def _defaults(change: Change) -> dict[str, object]:
    app_id = str(change.given["appId"])
    application = _application(change.directory, app_id)
    name = _FIRST_PARTY.get(app_id, "An application of another directory")
    taken = (
        {**_of_application(application, app_id), "appOwnerOrganizationId": change.directory.id}
        if application is not None
        else {
            "appDisplayName": name,
            "appOwnerOrganizationId": _MICROSOFT,
            "displayName": name,
            "servicePrincipalNames": [app_id],
        }
    )
    empty = (
        "addIns",
        "alternativeNames",
        "keyCredentials",
        "notificationEmailAddresses",
        "passwordCredentials",
        "tags",
    )
    return {
        "accountEnabled": True,
        "appRoleAssignmentRequired": False,
        "createdDateTime": change.directory.clock.text(),
        "resourceSpecificApplicationPermissions": [],
        "servicePrincipalType": "Application",
        **{each: [] for each in empty},
        **taken,
    }


_FOLLOWING = {
    "api": ("oauth2PermissionScopes",),
    "appRoles": ("appRoles",),
    "description": ("appDescription",),
    "displayName": ("appDisplayName", "displayName"),
    "identifierUris": ("servicePrincipalNames",),
    "signInAudience": ("signInAudience",),
    "web": ("replyUrls",),
}
"""Properties of a service principal that change with a property of its application."""


def follow(change: Change) -> None:
    """Copy what an update changed in an application to its service principal."""
    application = change.directory.live(APPLICATIONS, change.id)
    names = {follower for name in change.given for follower in _FOLLOWING.get(name, ())}
    if application is None or change.creates or not names:
        return
    app_id = str(application.properties().get("appId"))
    copied = {name: value for name, value in _of_application(application, app_id).items() if name in names}
    text = json.dumps(copied, ensure_ascii=False).encode("utf-8", "surrogatepass")
    for key in _live_with(change.directory, app_id):
        change.directory.patch(SERVICE_PRINCIPALS, key, text)
        if "appRoles" in copied:
            _end_assignments(change.directory, key, {str(role.get("id")) for role in mappings(copied["appRoles"])})


def _end_assignments(directory: Directory, resource: str, roles: set[str]) -> None:
    """Delete the assignments of roles that an application no longer has."""
    for key, stored in list(directory.referrers(ASSIGNMENTS, "resourceId", resource)):
        if raw_json.text(stored.value, "appRoleId") not in roles | {DEFAULT_ACCESS}:
            directory.delete(ASSIGNMENTS, key)


def _detach_policies(removal: Removal) -> None:
    """Remove the policies of a restored service principal, which Graph does not restore."""
    for name in _ONE_POLICY:
        relation = removal.kind.relation(name)
        for policy, _ in removal.directory.existing_links(removal.kind, removal.id, relation) if relation else ():
            if relation:
                removal.directory.unlink(removal.kind, removal.id, relation, policy)


def _check_policy(linking: Linking) -> None:
    """Raise Refused (400) for a second policy of one kind."""
    relation = linking.relation
    attached = linking.directory.existing_links(linking.kind, linking.id, relation)
    if linking.adds and relation.name in _ONE_POLICY and attached:
        raise bad_request(f"The service principal has a policy in '{relation.name}' already.")


RULES = Rules(
    required=("appId",),
    read_only=frozenset(
        (
            "appDescription",
            "appDisplayName",
            "appOwnerOrganizationId",
            "applicationTemplateId",
            "createdByAppId",
            "createdDateTime",
            "deletedDateTime",
            "disabledByMicrosoftStatus",
            "info",
            "resourceSpecificApplicationPermissions",
            "servicePrincipalType",
            "signInAudience",
            "verifiedPublisher",
        )
    ),
    create_only=frozenset(("appId",)),
    checks=(_check_application, _check_definitions, credentials.check),
    defaults=_defaults,
    derived=credentials.derived,
    linking=(_check_policy,),
    restored=_detach_policies,
    restoring=(refuse_with_successor, refuse_without_application),
    actions={"addPassword": credentials.add, "removePassword": credentials.remove},
)
