"""The conditions of a Conditional Access policy: their shape, what they name, and which exclude each other."""

import re
from collections.abc import Iterable

from simulator.graph.answers import Refused
from simulator.graph.directory import Directory
from simulator.graph.kinds import SERVICE_PRINCIPALS
from simulator.graph.kinds.conditional_access import LOCATIONS
from simulator.graph.writes.rules import Change
from simulator.graph.writes.shapes import mapping, strings

_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_LISTS = {
    "": ("clientAppTypes", "signInRiskLevels", "userRiskLevels", "servicePrincipalRiskLevels"),
    "applications": (
        "includeApplications",
        "excludeApplications",
        "includeUserActions",
        "includeAuthenticationContextClassReferences",
    ),
    "users": ("includeUsers", "excludeUsers", "includeGroups", "excludeGroups", "includeRoles", "excludeRoles"),
    "locations": ("includeLocations", "excludeLocations"),
    "platforms": ("includePlatforms", "excludePlatforms"),
    "clientApplications": ("includeServicePrincipals", "excludeServicePrincipals"),
}
"""Lists in `conditions`, by the object that has them."""
_OBJECTS = {
    "": (
        "applications",
        "authenticationFlows",
        "clientApplications",
        "devices",
        "insiderRiskLevels",
        "locations",
        "platforms",
        "users",
    ),
    "applications": ("applicationFilter",),
    "users": ("includeGuestsOrExternalUsers", "excludeGuestsOrExternalUsers"),
    "clientApplications": ("servicePrincipalFilter",),
    "devices": ("deviceFilter",),
}
"""Members of `conditions` that are null if they are absent, by the object that has them. Some are objects."""
_APPLICATION_WORDS = frozenset(("All", "None", "Office365", "MicrosoftAdminPortals"))
_LOCATION_WORDS = frozenset(
    ("All", "AllTrusted", "00000000-0000-0000-0000-000000000000", "00000000-0000-0000-0000-000000000001")
)
"""Words, and two ids without an object: the trusted addresses of the MFA service and the compliant network."""


def refused(number: int, reason: str) -> Refused:
    """Return the 400 of Conditional Access, whose message begins with a number."""
    return Refused(400, "BadRequest", f"{number}: {reason}")


def whole(conditions: dict[str, object]) -> dict[str, object]:
    """Return conditions as Graph shows them: with all lists, and with null for absent objects."""
    shown = _filled("", conditions)
    for part in ("applications", "users", "locations", "platforms", "clientApplications", "devices"):
        if isinstance(shown.get(part), dict):
            shown[part] = _filled(part, mapping(shown[part]))
    return shown


def _filled(part: str, given: dict[str, object]) -> dict[str, object]:
    lists: dict[str, object] = {name: [] for name in _LISTS.get(part, ())}
    return lists | dict.fromkeys(_OBJECTS.get(part, ())) | given


def check(change: Change) -> None:
    """Raise Refused (400) for conditions with an invalid shape, an unknown reference, or a combination that is refused."""
    if "conditions" not in change.given:
        return
    conditions = mapping(change.given["conditions"])
    if not conditions or ("users" not in conditions and "clientApplications" not in conditions):
        raise refused(1007, "The policy needs conditions with applications and users.")
    _check_shape("", conditions)
    for part in conditions:
        if part in _LISTS or part in _OBJECTS:
            _check_shape(part, mapping(conditions[part]))
    _check_users(mapping(conditions.get("users")))
    _check_applications(change.directory, mapping(conditions.get("applications")))
    _check_locations(change.directory, mapping(conditions.get("locations")))


def _check_shape(part: str, given: dict[str, object]) -> None:
    """Raise Refused (400) for an unknown member, or for null in place of an object."""
    lists, objects = _LISTS.get(part, ()), _OBJECTS.get(part, ())
    for name, value in given.items():
        known = name in lists or name in objects or "@odata." in name or (name, part) == ("times", "")
        if not known or (value is None and name in objects) or value == "unknownFutureValue":
            raise refused(1007, "The request body has no object of the schema.")


def _check_users(users: dict[str, object]) -> None:
    for name in ("includeGroups", "excludeGroups"):
        for value in strings(users.get(name)):
            if not _GUID.fullmatch(value):
                raise refused(1054, f"Invalid group value: {value}.")
    for sign in ("include", "exclude"):
        guests = users.get(f"{sign}GuestsOrExternalUsers")
        if guests is not None and "GuestsOrExternalUsers" in strings(users.get(f"{sign}Users")):
            raise refused(1007, f"{sign}Users names guests, and so does {sign}GuestsOrExternalUsers.")
        tenants = mapping(mapping(guests).get("externalTenants"))
        if tenants and not tenants.get("membershipKind"):
            raise refused(1007, "externalTenants needs a membershipKind.")


def _check_applications(directory: Directory, applications: dict[str, object]) -> None:
    included, actions = (strings(applications.get(name)) for name in ("includeApplications", "includeUserActions"))
    if included and actions:
        raise refused(1012, "A policy cannot have applications and user actions together.")
    named = [*included, *strings(applications.get("excludeApplications"))]
    unknown = [each for each in named if each not in _APPLICATION_WORDS and not _has_principal(directory, each)]
    if unknown:
        reasons = ",".join(f'"{each}":"ServicePrincipalNotFound"' for each in unknown)
        raise refused(1034, f"Policy contains invalid applications: {{{reasons}}}")


def _has_principal(directory: Directory, app_id: str) -> bool:
    principals = directory.with_value(SERVICE_PRINCIPALS, "appId", app_id)
    return any(directory.reachable(SERVICE_PRINCIPALS, key) for key, _ in principals)


def _check_locations(directory: Directory, locations: dict[str, object]) -> None:
    for location in _named(locations):
        if location not in _LOCATION_WORDS and directory.reachable(LOCATIONS, location) is None:
            raise refused(1040, f"NamedLocation with id {location} does not exist in the directory.")


def _named(locations: dict[str, object]) -> Iterable[str]:
    for name in _LISTS["locations"]:
        yield from strings(locations.get(name))
