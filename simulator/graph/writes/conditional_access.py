"""The rules of Conditional Access (Graph: "Create conditionalAccessPolicy", "Create namedLocation", and so on)."""

import json

from simulator.graph.answers import Answer, Refused, odata
from simulator.graph.kinds import POLICIES
from simulator.graph.kinds.conditional_access import STRENGTHS
from simulator.graph.kinds.tenant import SECURITY_DEFAULTS
from simulator.graph.writes import policy_conditions
from simulator.graph.writes.body import body_of
from simulator.graph.writes.policy_conditions import refused
from simulator.graph.writes.rules import Call, Change, Removal, Rules
from simulator.graph.writes.shapes import mapping, strings

_STATES = ("enabled", "disabled", "enabledForReportingButNotEnforced")
_MOST_POLICIES = 195
_MOST_RANGES = 2000
_CODE = "BadRequest"
_DATES = frozenset(("createdDateTime", "modifiedDateTime"))


def _dates(change: Change) -> dict[str, object]:
    return {"createdDateTime": change.directory.clock.precise(), "modifiedDateTime": None}


def _modified(change: Change) -> dict[str, object]:
    return {} if change.creates else {"modifiedDateTime": change.directory.clock.precise()}


def _unknown(id: str) -> Refused:
    return Refused(404, "ResourceNotFound", f"{id} does not exist in the directory.")


# -- policies


def _policy_defaults(change: Change) -> dict[str, object]:
    absent = ("templateId", "partialEnablementStrategy", "sessionControls", "grantControls")
    return {**_dates(change), **dict.fromkeys(absent)}


def _policy_derived(change: Change) -> dict[str, object]:
    derived = _modified(change)
    if "conditions" in change.given:
        derived["conditions"] = policy_conditions.whole(mapping(change.given["conditions"]))
    if change.given.get("grantControls"):
        lists: dict[str, object] = {
            name: [] for name in ("builtInControls", "customAuthenticationFactors", "termsOfUse")
        }
        grant = {**lists, "authenticationStrength": None, **mapping(change.given["grantControls"])}
        derived["grantControls"] = grant | {
            "authenticationStrength": _expanded(change, grant["authenticationStrength"])
        }
    return derived


def _expanded(change: Change, strength: object) -> object:
    """Return an authentication strength with its properties, as policies show it. The request needs its id alone."""
    stored = change.directory.live(STRENGTHS, str(mapping(strength).get("id")))
    return stored.properties() if stored else strength


def _check_policy(change: Change) -> None:
    """Raise Refused (400) for an unknown state, or a policy that controls nothing, is one too many, or cannot be enabled."""
    if change.value("state") not in _STATES:
        raise refused(1007, "The policy has an unknown state.")
    if not change.value("grantControls") and not change.value("sessionControls"):
        raise refused(1007, "The policy needs grantControls or sessionControls.")
    if change.creates and change.directory.count(POLICIES) >= _MOST_POLICIES:
        raise refused(1007, f"A directory has at most {_MOST_POLICIES} policies.")
    defaults = change.directory.live(SECURITY_DEFAULTS, SECURITY_DEFAULTS.singleton)
    if change.given.get("state") == "enabled" and defaults and defaults.properties().get("isEnabled") is True:
        raise refused(1007, "Security Defaults is enabled in the tenant. Disable it to enable policies.")


def _check_grant(change: Change) -> None:
    grant = mapping(change.given.get("grantControls"))
    controls = strings(grant.get("builtInControls"))
    strength = mapping(grant.get("authenticationStrength"))
    if strength and "mfa" in controls:
        raise refused(1007, "An authentication strength and the control mfa exclude each other.")
    if strength and change.directory.reachable(STRENGTHS, str(strength.get("id"))) is None:
        raise refused(1007, f"The authentication strength {strength.get('id')} does not exist.")
    if "passwordChange" in controls:
        _check_password_change(change)


def _check_password_change(change: Change) -> None:
    """Raise Refused (400) if the control is combined with conditions other than the risk of users."""
    conditions = mapping(change.value("conditions"))
    others = ("locations", "platforms", "devices", "clientApplications", "authenticationFlows", "signInRiskLevels")
    included = strings(mapping(conditions.get("applications")).get("includeApplications"))
    if any(conditions.get(name) for name in others) or included != ["All"]:
        raise refused(1032, "The control passwordChange cannot be used with these conditions.")
    frequency = mapping(mapping(change.value("sessionControls")).get("signInFrequency"))
    if frequency.get("frequencyInterval") != "everyTime":
        raise refused(1032, "The control passwordChange needs a sign-in frequency of every time.")


def _check_session(change: Change) -> None:
    session = change.given.get("sessionControls")
    controls = [value for name, value in mapping(session).items() if "@odata." not in name and value is not None]
    idle = any(isinstance(each, dict) and each.get("isEnabled") is False for each in controls)
    if session is not None and (not controls or idle):
        raise refused(1007, "The session controls have no effect.")


POLICY = Rules(
    required=("displayName", "state", "conditions"),
    read_only=_DATES | {"deletedDateTime"},
    checks=(_check_policy, policy_conditions.check, _check_grant, _check_session),
    defaults=_policy_defaults,
    derived=_policy_derived,
    missing=_unknown,
    code=_CODE,
    blank=True,
)


# -- named locations


def _check_location(change: Change) -> None:
    """Raise Refused (400) for a location without its type, or without what its type needs."""
    kind = str(change.given.get("@odata.type", "")).removeprefix("#microsoft.graph.")
    if kind not in change.kind.types:
        raise refused(1007, "The request needs the type of the location in @odata.type.")
    if change.old is not None and change.old.get("@odata.type") != change.given["@odata.type"]:
        raise refused(1007, "The type of a location cannot be changed.")
    needed = "ipRanges" if kind == "ipNamedLocation" else "countriesAndRegions"
    values = change.value(needed)
    if not isinstance(values, list) or not values or len(values) > _MOST_RANGES:
        raise refused(1007, f"The location needs {needed}, at most {_MOST_RANGES}.")
    if change.given.get("countryLookupMethod") == "":
        raise refused(1007, "countryLookupMethod cannot be empty.")


def _location_defaults(change: Change) -> dict[str, object]:
    if str(change.given["@odata.type"]).endswith("ipNamedLocation"):
        return {**_dates(change), "isTrusted": False}
    return {
        **_dates(change),
        "includeUnknownCountriesAndRegions": False,
        "countryLookupMethod": "clientIpAddress",
    }


def _keep_trusted(removal: Removal) -> None:
    if removal.value.get("isTrusted") is True:
        raise refused(1007, "A trusted location cannot be deleted. Set isTrusted to false first.")


def _no_location(id: str) -> Refused:
    return Refused(404, "ResourceNotFound", f"NamedLocation with id {id} does not exist in the directory.")


LOCATION = Rules(
    required=("displayName",),
    read_only=_DATES,
    checks=(_check_location,),
    defaults=_location_defaults,
    derived=_modified,
    removing=(_keep_trusted,),
    missing=_no_location,
    code=_CODE,
    blank=True,
)


# -- authentication contexts and strengths


def _check_context(change: Change) -> None:
    number = change.id.removeprefix("c")
    if not change.id.startswith("c") or not number.isdecimal() or not 1 <= int(number) <= 99:
        raise refused(1007, "The id of an authentication context is c1 to c99.")


def _keep_named(removal: Removal) -> None:
    """Raise Refused (400) if a policy names the authentication context."""
    for _, stored in removal.directory.walk(POLICIES):
        applications = mapping(mapping(stored.properties().get("conditions")).get("applications"))
        if removal.id in strings(applications.get("includeAuthenticationContextClassReferences")):
            raise refused(1007, f"The authentication context {removal.id} is used by a policy.")


CONTEXT = Rules(
    creates=False,
    creates_by_patch=True,
    names_itself="id",
    checks=(_check_context,),
    defaults=lambda _: {"displayName": None, "description": None, "isAvailable": False},
    removing=(_keep_named,),
    missing=_unknown,
    code=_CODE,
    blank=True,
)


def _keep_built_in(change: Change) -> None:
    if (change.old or {}).get("policyType") == "builtIn":
        raise refused(1007, "A built-in authentication strength cannot be changed.")


def _keep_used(removal: Removal) -> None:
    """Raise Refused (400) if the strength is built in, or if a policy names it."""
    if removal.value.get("policyType") == "builtIn" or _policies_with(removal):
        raise refused(1007, "A built-in or used authentication strength cannot be deleted.")


def _policies_with(removal: Removal | Call) -> list[str]:
    def strength(value: dict[str, object]) -> object:
        return mapping(mapping(value.get("grantControls")).get("authenticationStrength")).get("id")

    policies = removal.directory.walk(POLICIES)
    return [key for key, stored in policies if strength(stored.properties()) == removal.id]


def _strength_defaults(change: Change) -> dict[str, object]:
    now = change.directory.clock.precise()
    return {
        "createdDateTime": now,
        "modifiedDateTime": now,
        "description": "",
        "policyType": "custom",
        "requirementsSatisfied": "mfa",
    }


def _update_combinations(call: Call) -> Answer:
    """Replace the allowed combinations of a strength. Return 200 with the previous and the current ones."""
    value = call.stored.properties()
    combinations = strings(body_of(call.request).get("allowedCombinations"))
    if value.get("policyType") == "builtIn" or not combinations:
        raise refused(1007, "A built-in authentication strength cannot be changed, and one has combinations.")
    now = call.directory.clock.precise()
    change = json.dumps({"allowedCombinations": combinations, "modifiedDateTime": now}).encode()
    call.directory.patch(call.kind, call.id, change)
    answer = {
        "conditionalAccessReferences": _policies_with(call),
        "previousCombinations": value.get("allowedCombinations"),
        "currentCombinations": combinations,
        "additionalInformation": "",
    }
    return odata(json.dumps(answer).encode(), call.request)


STRENGTH = Rules(
    required=("displayName", "allowedCombinations"),
    read_only=_DATES | {"policyType", "requirementsSatisfied"},
    create_only=frozenset(("allowedCombinations",)),
    checks=(_keep_built_in,),
    defaults=_strength_defaults,
    derived=_modified,
    removing=(_keep_used,),
    actions={"updateAllowedCombinations": _update_combinations},
    missing=_unknown,
    code=_CODE,
    blank=True,
)


def _check_combination(change: Change) -> None:
    kind = str(change.value("@odata.type") or "").removeprefix("#microsoft.graph.")
    if kind not in change.kind.types:
        raise refused(1007, "The request needs the type of the configuration in @odata.type.")


COMBINATION = Rules(required=("appliesToCombinations",), checks=(_check_combination,), missing=_unknown, code=_CODE)
