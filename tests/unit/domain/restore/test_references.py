"""Each property that names other objects: it is repaired after a re-creation, and never written while it is unresolved."""

from collections.abc import Iterator
from typing import Any

import pytest

from shared.domain.resources import REMAPPED, RESOURCES, STREAMS, Reference, ReferenceKind
from shared.domain.resources.restoring import RestoreKind, SafeCreate
from shared.domain.restore.operations import Action, Hindrance
from shared.domain.restore.scope import Scope
from tests.unit.domain.restore.objects import app_id, application, group, policy, principal, together, user
from tests.unit.domain.restore.worlds import Json, MemoryWorld, body, guid, hindrances, id_map, operation, plan_of

_LISTS = frozenset({"requiredResourceAccess", "preAuthorizedApplications", "knownClientApplications", "identifierUris",
                    "servicePrincipalNames", "termsOfUse", "includeTargets", "excludeTargets"})  # fmt: skip
TARGETS: dict[str, dict[str, Json]] = {
    "users": user(2),
    "groups": group(2),
    "applications": application(2),
    "servicePrincipals": together(application(2), principal(4, 2)),
    "namedLocations": {
        f"namedLocations/{guid(2)}": {
            "@odata.type": "#microsoft.graph.countryNamedLocation", "id": guid(2), "displayName": "L"
        }
    },
    "authenticationStrengthPolicies": {
        f"authenticationStrengthPolicies/{guid(2)}": {
            "id": guid(2), "displayName": "S", "policyType": "custom", "allowedCombinations": ["fido2"]
        }
    },
}  # fmt: skip
NAMING: dict[str, dict[str, Json]] = {
    "groups": group(1, groupTypes=["DynamicMembership"]),
    "applications": application(1),
    "servicePrincipals": principal(1, 9),
    "administrativeUnits": {
        f"administrativeUnits/{guid(1)}": {"id": guid(1), "displayName": "U", "membershipType": "Dynamic"}
    },
    "conditionalAccessPolicies": policy(1, state="disabled"),
    "authenticationMethodConfigurations": {
        f"authenticationMethodConfigurations/{guid(1)}": {
            "@odata.type": "#microsoft.graph.smsAuthenticationMethodConfiguration",
            "id": guid(1),
            "state": "enabled",
        }
    },
}


def simple(resource: str, number: int) -> dict[str, Json]:
    """Return an object with nothing but its id, its name, and empty values of what Graph demands."""
    restoring, below = RESOURCES[resource].restoring, STREAMS[RESOURCES[resource].stream].children
    assert restoring is not None
    owner = f"{below.owner}/{guid(8)}/{below.named}" if below else resource
    demanded: Json = {name: {} for name in restoring.required}
    return {f"{owner}/{guid(number)}": demanded | {"id": guid(number), "displayName": "N"}}


def target_of(resource: str) -> dict[str, Json]:
    return TARGETS[resource] if resource in TARGETS else simple(resource, 2)


def naming_of(resource: str) -> dict[str, Json]:
    return NAMING[resource] if resource in NAMING else simple(resource, 1)


def gets_new_id(resource: str) -> bool:
    """Return True if a restore creates objects of a collection under new ids."""
    row = RESOURCES[resource]
    if row.restoring is None or row.restoring.kind is not RestoreKind.OBJECT or STREAMS[row.stream].children:
        return False
    return row.restoring.create not in (SafeCreate.NEVER, SafeCreate.CLIENT_KEY)


def cases() -> Iterator[Any]:
    for name, row in RESOURCES.items():
        restoring = row.restoring
        if restoring is None or restoring.kind is not RestoreKind.OBJECT:
            continue
        for reference in row.references:
            if reference.kind in REMAPPED and reference.path.partition(".")[0] in restoring.writable:
                for target in reference.resources:
                    if gets_new_id(target):
                        yield pytest.param(name, reference, target, id=f"{name}.{reference.path}-{target}")


def is_by_app(reference: Reference) -> bool:
    return reference.kind is ReferenceKind.APP_ID or "applications" in reference.resources


def naming(resource: str, reference: Reference, target: str) -> dict[str, Json]:
    """Return an object with a property that names the target."""
    by_app = is_by_app(reference)
    text: Any = app_id(2) if by_app else guid(4 if target == "servicePrincipals" else 2)
    if reference.kind is ReferenceKind.TEXT:
        text = f"api://{text}" if by_app else f"user.memberOf -any (group.objectId -in ['{text.upper()}'])"
    ((key, value),) = naming_of(resource).items()
    return {key: _with(value, reference.path.split("."), text)}


def _with(value: Json, path: list[str], text: Any) -> Json:
    name, *rest = path
    inner = _with({}, rest, text) if rest else text
    if name in _LISTS or (not rest and name.startswith(("include", "exclude"))):
        inner = [inner]
    elif rest:
        inner = value.get(name, {}) | inner if isinstance(value.get(name), dict) else inner
    return value | {name: inner}


def test_special_cases_name_something_and_are_named() -> None:
    assert {each.values[0] for each in cases()} >= NAMING.keys()
    assert {each.values[2] for each in cases()} >= TARGETS.keys()
    assert len(list(cases())) >= 18


@pytest.mark.parametrize(("resource", "reference", "target"), list(cases()))
def test_living_object_gets_the_new_id_of_what_it_names(resource: str, reference: Reference, target: str) -> None:
    living, name = naming(resource, reference, target), reference.path.partition(".")[0]
    (key,) = living
    plan = plan_of(MemoryWorld(together(living, target_of(target)), living))
    patch = operation(plan, Action.PATCH, key)
    assert patch.properties == (name,) and set(patch.names) <= {guid(2), guid(4)}
    creation = operation(plan, Action.CREATE, next(iter(target_of(target))))
    assert patch.stage > creation.stage and "by an earlier id" in patch.reason
    ids = id_map({guid(2): guid(3), guid(4): guid(3), app_id(2): app_id(3)})
    new = app_id(3) if is_by_app(reference) else guid(3)
    assert new in ids.rewritten(patch.body or b"").decode()


@pytest.mark.parametrize(("resource", "reference", "target"), list(cases()))
def test_object_is_not_written_with_what_does_not_exist(resource: str, reference: Reference, target: str) -> None:
    wanted, name = naming(resource, reference, target), reference.path.partition(".")[0]
    (key,) = wanted
    world = MemoryWorld(together(wanted, target_of(target)), naming_of(resource))
    plan = plan_of(world, Scope(ids=(guid(1),)))
    written = [each for each in plan.operations if each.key == key and name in each.properties]
    assert written == []
    (entry,) = [each for each in hindrances(plan, Hindrance.UNRESOLVED) if each.key == key]
    needed = 4 if target == "servicePrincipals" and not is_by_app(reference) else 2
    assert name in entry.properties and f"--id {guid(needed)}" in entry.reason


def test_mapped_ids_of_earlier_restores_are_repaired_wherever_they_are_left() -> None:
    ids = id_map({guid(2): guid(3)})
    naming_old = policy(1, conditions={"users": {"includeUsers": [], "includeGroups": [guid(2)]}}, state="disabled")
    live = together(naming_old, group(3, displayName="Group 2", mailNickname="g2"))
    world = MemoryWorld(together(naming_old, group(2)), live, ids=ids)
    assert [each.key for each in plan_of(world).operations] == [f"conditionalAccessPolicies/{guid(1)}"]


def test_foreign_application_keeps_its_app_id() -> None:
    foreign = principal(2, 9)
    naming_it = application(1, requiredResourceAccess=[{"resourceAppId": app_id(9), "resourceAccess": []}])
    plan = plan_of(MemoryWorld(together(naming_it, foreign), naming_it))
    assert [each.key for each in plan.operations] == [f"servicePrincipals/{guid(2)}"]


def test_part_of_a_value_is_written_beside_living_references() -> None:
    def conditions(groups: list[int], users: list[int]) -> Json:
        names = {"includeUsers": list(map(guid, users)), "excludeGroups": list(map(guid, groups))}
        return {"users": names, "clientAppTypes": ["all"]}

    people = together(user(5), user(6), group(7))
    world = MemoryWorld(
        together(people, policy(1, conditions=conditions([7], [5]), state="disabled")),
        together(people, policy(1, conditions=conditions([], [6]), state="disabled")),
    )
    (patch,) = plan_of(world, Scope(properties=("conditions.users.excludeGroups",))).operations
    assert body(patch) == {"conditions": conditions([7], [6])}


def test_policy_with_other_living_names_is_repaired() -> None:
    users = {"includeUsers": [guid(5)], "excludeUsers": [], "excludeGroups": [guid(2)]}
    living = together(user(5), policy(1, conditions={"users": users}, state="disabled"))
    plan = plan_of(MemoryWorld(together(living, group(2)), living))
    assert [each.key for each in plan.operations] == [f"groups/{guid(2)}", f"conditionalAccessPolicies/{guid(1)}"]


def test_service_principal_of_a_recreated_application_cannot_be_kept() -> None:
    orphan = principal(2, 1, servicePrincipalNames=[app_id(1)])
    plan = plan_of(MemoryWorld(together(application(1), orphan), orphan))
    assert [each.key for each in plan.operations] == [f"applications/{guid(1)}"]
    (choice,) = hindrances(plan, Hindrance.CHOICE)
    assert choice.key == f"servicePrincipals/{guid(2)}" and "Delete it" in choice.reason
