"""References of one snapshot to objects that it does not have."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from shared.domain.errors import Answer, Skip
from shared.domain.jobs import JobKind, JobState, RecordsShown
from shared.domain.records import tombstone
from shared.engine.compare.dangling import dangling
from tests.contract.engine.world import EngineWorld
from tests.tables import SMALL, only, table

pytestmark = pytest.mark.streams(*SMALL)

ANA, MISSING, SALES, MAIL, APP = (f"{n}a000000-0000-4000-8000-00000000000b" for n in range(1, 6))
POLICY = (
    '{"displayName":"Mfa","conditions":{"users":{"includeUsers":["All","GuestsOrExternalUsers","%s","%s"],'
    '"excludeGroups":["%s","None"]},"applications":{"includeApplications":["Office365","%s","%s"]}}}'
)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[EngineWorld]:
    world = EngineWorld(tmp_path)
    put = world.directory.put
    put("users", f"users/{ANA}")
    put("groups", f"groups/{SALES}")
    put("servicePrincipals", f"servicePrincipals/{MAIL}", b'{"displayName":"Mail","appId":"%b"}' % APP.encode())
    policy = POLICY % (ANA.upper(), MISSING.upper(), SALES, APP.upper(), MISSING)
    put("conditionalAccessPolicies", "conditionalAccessPolicies/p", policy.encode())
    grant = '{"clientId":"%s","resourceId":"%s","principalId":%s}'
    put("oauth2PermissionGrants", "oauth2PermissionGrants/all", (grant % (MAIL, MAIL, "null")).encode())
    put("oauth2PermissionGrants", "oauth2PermissionGrants/one", (grant % (MAIL, MISSING, f'"{ANA}"')).encode())
    assignment = '{"principalId":"%s","resourceId":"%s"}'
    for name, principal in (("as1", SALES), ("as2", MISSING)):
        key = f"servicePrincipals/{MAIL}/appRoleAssignedTo/{name}"
        put("servicePrincipals.appRoleAssignedTo", key, (assignment % (principal, MAIL)).encode())
    world.back_up()
    yield world
    world.close()


def dangling_references(world: EngineWorld, *resources: str) -> list[tuple[str, str, str, list[str]]]:
    return [
        (each.key, each.path, each.id, each.unread)
        for each in dangling(world.context, world.tenant, "latest", resources)
    ]


def test_each_reference_to_a_missing_object_is_listed_with_its_property(world: EngineWorld) -> None:
    policy = "conditionalAccessPolicies/p"
    assert dangling_references(world) == [
        (policy, "conditions.users.includeUsers", MISSING.upper(), []),
        (policy, "conditions.applications.includeApplications", MISSING, []),
        ("oauth2PermissionGrants/one", "resourceId", MISSING, []),
        (f"servicePrincipals/{MAIL}/appRoleAssignedTo/as2", "principalId", MISSING, []),
    ]
    job = world.catalog.jobs.recent(1)[0]
    assert (job.kind, job.state, job.detail) == (JobKind.BROWSE, JobState.SUCCEEDED, RecordsShown(records=4))
    assert [key for key, *_ in dangling_references(world, "oauth2PermissionGrants")] == ["oauth2PermissionGrants/one"]


def test_a_reference_into_a_resource_that_was_not_read_is_reported_as_unknown(world: EngineWorld) -> None:
    world.directory.log["groups"].append(tombstone(b"groups", f"groups/{SALES}".encode()))
    world.back_up()
    excluded = ("conditionalAccessPolicies/p", "conditions.users.excludeGroups", SALES)
    assert (*excluded, []) in dangling_references(world)
    world.directory.trouble["groups"] = [(0, Skip(Answer.FORBIDDEN, "status 403", "r"))]
    world.run_job()
    assert (*excluded, ["groups"]) in dangling_references(world)


PLACES = (
    b'{"displayName":"Places","conditions":{"users":{"includeUsers":["All"],"includeRoles":["%b"]},"locations":'
    b'{"includeLocations":["%b","00000000-0000-0000-0000-000000000000"],"excludeLocations":["AllTrusted"]}},'
    b'"grantControls":{"authenticationStrength":{"id":"%b"},"termsOfUse":["%b"]}}'
)


def test_locations_strengths_and_agreements_that_a_policy_names_must_exist(world: EngineWorld) -> None:
    names = (MISSING, SALES, MAIL, APP)
    world.directory.put(
        "conditionalAccessPolicies", "conditionalAccessPolicies/p", PLACES % tuple(map(str.encode, names))
    )
    world.directory.put("namedLocations", f"namedLocations/{SALES}")
    world.back_up()
    assert dangling_references(world, "conditionalAccessPolicies") == [
        ("conditionalAccessPolicies/p", "grantControls.termsOfUse", APP, []),
        ("conditionalAccessPolicies/p", "grantControls.authenticationStrength.id", MAIL, []),
    ]


def test_what_a_snapshot_of_an_older_version_does_not_have_may_exist(tmp_path: Path) -> None:
    with closing(EngineWorld(tmp_path)) as world:
        names = (MISSING, SALES, MAIL, APP)
        policy = "conditionalAccessPolicies/p"
        world.directory.put("conditionalAccessPolicies", policy, PLACES % tuple(map(str.encode, names)))
        with table(only(("users", "conditionalAccessPolicies"))):
            world.back_up()
        assert dangling_references(world) == [
            (policy, "conditions.locations.includeLocations", SALES, ["namedLocations"]),
            (policy, "grantControls.termsOfUse", APP, ["termsOfUseAgreements"]),
            (policy, "grantControls.authenticationStrength.id", MAIL, ["authenticationStrengthPolicies"]),
        ]
