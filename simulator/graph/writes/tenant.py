"""The rules of policies and settings of the whole directory (Graph: "Update authorizationPolicy", and so on)."""

import json
from collections.abc import Callable

from simulator.graph.answers import Answer, bad_request, missing
from simulator.graph.kinds import GROUPS
from simulator.graph.kinds.tenant import LIFECYCLE, SETTINGS, TEMPLATES
from simulator.graph.writes.body import body_of
from simulator.graph.writes.checking import CONFLICT
from simulator.graph.writes.rules import Call, Change, Removal, Rules
from simulator.graph.writes.shapes import mapping, mappings

_SHORTEST_LIFETIME = 30


def merging(*names: str) -> Callable[[Change], dict[str, object]]:
    """Return a rule by which a PATCH keeps the members of these objects that it does not name."""

    def derived(change: Change) -> dict[str, object]:
        old = change.old or {}
        return {
            name: {**mapping(old.get(name)), **mapping(change.given[name])} for name in names if name in change.given
        }

    return derived


AUTHORIZATION = Rules(derived=merging("defaultUserRolePermissions"), deletes=False, blank=True)
SECURITY_DEFAULTS = Rules(deletes=False, blank=True)
CONSENT_REQUESTS = Rules(
    replaces=True,
    updates=False,
    deletes=False,
    read_only=frozenset(("version",)),
    derived=lambda change: {"version": int(str((change.old or {}).get("version") or 0)) + 1},
    blank=True,
)
DEFINED = Rules(
    required=("definition", "displayName"),
    defaults=lambda _: {"deletedDateTime": None, "isOrganizationDefault": False},
)
"""Policies that consist of a definition, such as claims mapping policies."""


# -- authentication methods


def _check_method(change: Change) -> None:
    if change.given.get("@odata.type") != (change.old or {}).get("@odata.type"):
        raise bad_request("The request needs the type of the configuration in @odata.type.")


AUTHENTICATION_METHODS = Rules(
    read_only=frozenset(("lastModifiedDateTime", "policyVersion")),
    derived=lambda change: {"lastModifiedDateTime": change.directory.clock.text()},
    deletes=False,
    blank=True,
)
METHOD = Rules(checks=(_check_method,), creates=False, deletes=False, blank=True)
"""Configurations of single authentication methods."""


# -- settings of groups


def _check_setting(change: Change) -> None:
    """Raise Refused (400) for an unknown template, a second setting of one, or missing values."""
    template = change.directory.live(TEMPLATES, str(change.value("templateId")))
    if template is None:
        raise bad_request(f"The template '{change.value('templateId')}' does not exist.")
    known = [str(row["name"]) for row in mappings(template.properties().get("values"))]
    given = {str(row.get("name")) for row in mappings(change.given.get("values"))}
    lacking = [name for name in known if name not in given]
    if given - set(known) or (lacking and not change.creates):
        raise bad_request(
            f"The setting needs every value of its template, among them '{(lacking or sorted(given))[0]}'."
        )
    if change.creates and any(
        stored.properties().get("templateId") == change.given["templateId"]
        for _, stored in change.directory.walk(SETTINGS)
    ):
        raise bad_request(CONFLICT)


def _setting_values(change: Change) -> dict[str, object]:
    template = change.directory.live(TEMPLATES, str(change.value("templateId")))
    properties = template.properties() if template else {}
    given = {row.get("name"): row for row in mappings(change.given.get("values"))}
    defaults = [{"name": row["name"], "value": row["defaultValue"]} for row in mappings(properties.get("values"))]
    return {
        "displayName": properties.get("displayName"),
        "values": [given.get(row["name"], row) for row in defaults],
    }


SETTING = Rules(
    required=("templateId", "values"),
    create_only=frozenset(("templateId",)),
    read_only=frozenset(("displayName",)),
    checks=(_check_setting,),
    derived=_setting_values,
    blank=True,
)


# -- expiry of groups


def _check_lifecycle(change: Change) -> None:
    """Raise Refused (400) for a second policy, a short lifetime, or an unknown kind of managed groups."""
    if change.creates and change.directory.count(LIFECYCLE):
        raise bad_request("A policy for the expiry of groups exists. A directory has at most one.")
    lifetime = change.value("groupLifetimeInDays")
    if not isinstance(lifetime, int) or lifetime < _SHORTEST_LIFETIME:
        raise bad_request(
            "Invalid value specified for property 'groupLifetimeInDays' of resource 'GroupLifecyclePolicy'."
        )
    if change.value("managedGroupTypes") not in ("All", "Selected", "None"):
        raise bad_request(
            "Invalid value specified for property 'managedGroupTypes' of resource 'GroupLifecyclePolicy'."
        )


def _manage(call: Call, adds: bool) -> Answer:
    """Put a group under the policy, or take it out. Return 200 with whether that changed anything."""
    group = str(body_of(call.request).get("groupId"))
    stored = call.directory.reachable(GROUPS, group)
    if stored is None:
        raise missing(group)
    relation = call.kind.relation("groups")
    links = dict(call.directory.existing_links(call.kind, call.id, relation)) if relation else {}
    changes = call.stored.properties().get("managedGroupTypes") == "Selected" and (group in links) != adds
    if relation and changes and adds:
        call.directory.link(call.kind, call.id, relation, group, json.dumps({"id": group}).encode())
    elif relation and changes:
        call.directory.unlink(call.kind, call.id, relation, group)
    return Answer(200, json.dumps({"value": changes}).encode())


LIFECYCLE_POLICY = Rules(
    required=("groupLifetimeInDays", "managedGroupTypes"),
    checks=(_check_lifecycle,),
    actions={"addGroup": lambda call: _manage(call, adds=True), "removeGroup": lambda call: _manage(call, adds=False)},
    blank=True,
)


# -- the organization and its domains

_WRITABLE = frozenset(
    (
        "marketingNotificationEmails",
        "privacyProfile",
        "securityComplianceNotificationMails",
        "securityComplianceNotificationPhones",
        "technicalNotificationMails",
    )
)


def _check_organization(change: Change) -> None:
    for name in change.given:
        if name not in _WRITABLE:
            raise bad_request(f"Property '{name}' is read-only and cannot be set.")


ORGANIZATION = Rules(checks=(_check_organization,), deletes=False)


def _keep_default(removal: Removal) -> None:
    if removal.value.get("isDefault") is True or removal.value.get("isInitial") is True:
        raise bad_request("The default and the initial domain cannot be deleted.")


def _domain(_: Change) -> dict[str, object]:
    return {
        "authenticationType": "Managed",
        "isAdminManaged": True,
        "isDefault": False,
        "isInitial": False,
        "isRoot": True,
        "isVerified": False,
        "passwordNotificationWindowInDays": None,
        "passwordValidityPeriodInDays": None,
        "supportedServices": [],
    }


DOMAIN = Rules(names_itself="id", defaults=_domain, removing=(_keep_default,))
