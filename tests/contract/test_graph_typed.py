"""msgraph-sdk's typed client reads everything that the Graph simulator serves, as it reads Graph itself."""

import datetime
import enum
import json
import re
import ssl
import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from azure.identity import ClientSecretCredential
from kiota_abstractions.base_request_configuration import RequestConfiguration
from kiota_authentication_azure.azure_identity_authentication_provider import AzureIdentityAuthenticationProvider
from msgraph.generated.directory_objects.get_by_ids.get_by_ids_post_request_body import GetByIdsPostRequestBody
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph.generated.models.user import User
from msgraph.graph_request_adapter import GraphRequestAdapter
from msgraph.graph_service_client import GraphServiceClient
from msgraph_core import GraphClientFactory

from tests.contract.graph.simulator import CLIENT_ID, DIRECTORY_ID, SECRET, Simulator, simulated_graph

# The generated modules use classes that kiota has deprecated.
pytestmark = [
    pytest.mark.filterwarnings("ignore:GetQueryParameters is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:This class is deprecated. Please use the generic:DeprecationWarning"),
]
POLICIES = "identity/conditionalAccess/policies"


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    options = ("--objects", "400", "--policies", "3", "--quotas", "large")
    with simulated_graph(tmp_path_factory.mktemp("graph"), *options) as running:
        running.set("delta", {"page_size": 100})
        running.create("directoryRoles", b'{"id":"r","displayName":"Global Reader","roleTemplateId":"t"}')
        yield running


@pytest.fixture
async def client(simulator: Simulator) -> AsyncIterator[GraphServiceClient]:
    context = ssl.create_default_context(cafile=str(simulator.ca_file))
    with ClientSecretCredential(
        DIRECTORY_ID,
        CLIENT_ID,
        SECRET,
        authority=simulator.url,
        disable_instance_discovery=True,
        connection_verify=str(simulator.ca_file),
    ) as credential:
        provider = AzureIdentityAuthenticationProvider(
            credential, scopes=[f"{simulator.url}/.default"], allowed_hosts=["127.0.0.1"]
        )
        plain = httpx.AsyncClient(verify=context, http2=False, trust_env=False)
        connections = plain._transport  # the factory wraps it in transports that do not forward close
        http = GraphClientFactory.create_with_default_middleware(client=plain)
        adapter = GraphRequestAdapter(provider, client=http)
        adapter.base_url = f"{simulator.url}/v1.0"
        yield GraphServiceClient(request_adapter=adapter)
        await http.aclose()
        await connections.aclose()


def stored_values(simulator: Simulator, path: str) -> dict[str, dict[str, Any]]:
    """Return the values at a path by their ids."""
    values = [json.loads(text) for text in simulator.objects(path)]
    return {value["id"]: value for value in values}


def query(builder: Any, **parameters: Any) -> RequestConfiguration[Any]:
    """Return query parameters in the class that a builder has for them."""
    (name,) = [name for name in dir(type(builder)) if name.endswith("GetQueryParameters")]
    return RequestConfiguration(query_parameters=getattr(type(builder), name)(**parameters))


async def read(builder: Any, **parameters: Any) -> list[Any]:
    """Return the models of all pages of a listing."""
    page = await builder.get(query(builder, **parameters))
    models = list(page.value)
    while page.odata_next_link:
        page = await builder.with_url(page.odata_next_link).get()
        models += page.value
    return models


async def follow(builder: Any, link: str | None = None, **parameters: Any) -> tuple[list[Any], str]:
    """Return the entries of a whole delta round, and the link to the next round."""
    page = await (builder.with_url(link).get() if link else builder.get(query(builder, **parameters)))
    entries = list(page.value)
    while page.odata_next_link:
        page = await builder.with_url(page.odata_next_link).get()
        entries += page.value
    return entries, page.odata_delta_link


def same(model: Any, value: dict[str, Any]) -> bool:
    """Assert that a model has every served property. Properties without an attribute are in ``additional_data``."""
    assert set(model.additional_data) - {"@odata.context"} <= set(value)
    for name, served in value.items():
        parsed = getattr(model, re.sub(r"(?=[A-Z])", "_", name).lower(), model.additional_data.get(name))
        if isinstance(parsed, datetime.datetime):
            assert parsed == datetime.datetime.fromisoformat(served), name
        elif isinstance(served, list):
            assert len(parsed) == len(served), name
        elif isinstance(served, dict):
            assert parsed is not None, name
        elif isinstance(parsed, enum.Enum | uuid.UUID):
            assert str(parsed.value if isinstance(parsed, enum.Enum) else parsed) == served, name
        else:
            assert parsed == served, name
    return True


async def test_users_and_groups_are_read_with_every_property(simulator: Simulator, client: GraphServiceClient) -> None:
    for path, builder in (("users", client.users), ("groups", client.groups)):
        values = stored_values(simulator, path)
        select = sorted({name for value in values.values() for name in value})
        models = await read(builder, select=select, top=100)
        assert [model.id for model in models] == list(values)
        assert all(same(model, values[model.id]) for model in models)
    user = await client.users.by_user_id(next(iter(stored_values(simulator, "users")))).get()
    assert user is not None
    assert user.display_name


async def test_groups_are_read_with_their_members_and_owners(simulator: Simulator, client: GraphServiceClient) -> None:
    kinds = set()
    for id in stored_values(simulator, "groups"):
        group = client.groups.by_group_id(id)
        for name, builder in (("members", group.members), ("owners", group.owners)):
            links = stored_values(simulator, f"groups/{id}/{name}")
            models = await read(builder, top=999)
            assert {model.id: model.odata_type for model in models} == {
                link: value["@odata.type"] for link, value in links.items()
            }
            kinds |= {type(model).__name__ for model in models}
    assert kinds == {"User", "Group", "ServicePrincipal"}
    only = await client.groups.by_group_id(id).members.graph_user.get()
    assert only is not None
    assert all(isinstance(model, User) for model in only.value)


async def test_applications_and_service_principals_are_read_with_their_owners(
    simulator: Simulator, client: GraphServiceClient
) -> None:
    for path, builder, one in (
        ("applications", client.applications, client.applications.by_application_id),
        ("servicePrincipals", client.service_principals, client.service_principals.by_service_principal_id),
    ):
        values = stored_values(simulator, path)
        models = await read(builder, expand=["owners($select=id)"])
        assert [model.id for model in models] == list(values)
        for model in models:
            owners = list(stored_values(simulator, f"{path}/{model.id}/owners"))
            assert [owner.id for owner in model.owners] == owners != []
            assert [owner.id for owner in await read(one(model.id).owners)] == owners
            assert same(model, values[model.id])


async def test_app_role_assignments_are_read_from_both_sides(simulator: Simulator, client: GraphServiceClient) -> None:
    by_principal: dict[str, dict[str, list[str]]] = {"User": {}, "Group": {}, "ServicePrincipal": {}}
    for id in stored_values(simulator, "servicePrincipals"):
        values = stored_values(simulator, f"servicePrincipals/{id}/appRoleAssignedTo")
        builder = client.service_principals.by_service_principal_id(id).app_role_assigned_to
        models = await read(builder)
        assert [model.id for model in models] == list(values)
        assert all(same(model, values[model.id]) for model in models)
        for model in models:
            by_principal[model.principal_type].setdefault(str(model.principal_id), []).append(model.id)
    sides = {
        "User": client.users.by_user_id,
        "Group": client.groups.by_group_id,
        "ServicePrincipal": client.service_principals.by_service_principal_id,
    }
    for kind, one in sides.items():
        assert by_principal[kind]
        for id, assignments in list(by_principal[kind].items())[:5]:
            assert [model.id for model in await read(one(id).app_role_assignments)] == assignments


async def test_permission_grants_are_read(simulator: Simulator, client: GraphServiceClient) -> None:
    values = stored_values(simulator, "oauth2PermissionGrants")
    models = await read(client.oauth2_permission_grants, top=9)
    assert [model.id for model in models] == list(values)
    assert all(same(model, values[model.id]) for model in models)
    one = await client.oauth2_permission_grants.by_o_auth2_permission_grant_id(models[0].id).get()
    assert same(one, values[models[0].id])


async def test_policies_the_organization_and_roles_are_read(simulator: Simulator, client: GraphServiceClient) -> None:
    for path, builder in (
        (POLICIES, client.identity.conditional_access.policies),
        ("organization", client.organization),
        ("directoryRoles", client.directory_roles),
    ):
        values = stored_values(simulator, path)
        models = await read(builder)
        assert [model.id for model in models] == list(values) != []
        assert all(same(model, values[model.id]) for model in models)


async def test_deleted_items_are_read_by_type_and_by_id(simulator: Simulator, client: GraphServiceClient) -> None:
    bin = client.directory.deleted_items
    for path, builder in (
        ("users", bin.graph_user),
        ("groups", bin.graph_group),
        ("applications", bin.graph_application),
        ("servicePrincipals", bin.graph_service_principal),
    ):
        id = list(stored_values(simulator, path))[-1]
        simulator.change(b'{"op":"delete","path":"%b/%b"}' % (path.encode(), id.encode()))
        (listed,) = await read(builder)
        one = await bin.by_directory_object_id(id).get()
        assert one is not None
        assert listed.id == one.id == id
        assert type(one) is type(listed)
        assert one.deleted_date_time == listed.deleted_date_time is not None
        simulator.change(b'{"op":"restore","path":"%b/%b"}' % (path.encode(), id.encode()))
        assert await read(builder) == []


async def test_delta_rounds_are_followed(simulator: Simulator, client: GraphServiceClient) -> None:
    for path, builder, name in (
        ("users", client.users.delta, "surname"),
        ("groups", client.groups.delta, "description"),
        ("applications", client.applications.delta, "description"),
        ("servicePrincipals", client.service_principals.delta, "description"),
        ("oauth2PermissionGrants", client.oauth2_permission_grants.delta, "scope"),
    ):
        entries, link = await follow(builder)
        assert {entry.id for entry in entries} == set(stored_values(simulator, path))
        change = {"op": "update", "path": f"{path}/{entries[0].id}", "value": {name: "changed"}}
        simulator.change(json.dumps(change).encode())
        (entry,), link = await follow(builder, link)
        assert (entry.id, getattr(entry, name)) == (entries[0].id, "changed")
        assert (await follow(builder, link))[0] == []


async def test_delta_reports_relations_and_removals(simulator: Simulator, client: GraphServiceClient) -> None:
    simulator.create("groups", b'{"id":"new","displayName":"New"}')
    simulator.create("users", b'{"id":"member","displayName":"M"}')
    simulator.create("groups/new/members", b'{"id":"member"}')
    entries, link = await follow(client.groups.delta, select=["displayName", "members", "owners"])
    members = [entry.additional_data["members@delta"] for entry in entries if entry.id == "new"]
    assert [[member["id"] for member in changes] for changes in members] == [["member"]]
    users, users_link = await follow(client.users.delta, select=["displayName", "manager"])
    assert any("manager@delta" in user.additional_data for user in users)
    simulator.change(b'{"op":"delete","path":"users/member"}', b'{"op":"purge","path":"groups/new"}')
    removed = [(await follow(*round))[0] for round in ((client.users.delta, users_link), (client.groups.delta, link))]
    assert [[entry.additional_data["@removed"]["reason"] for entry in entries] for entries in removed] == [
        ["changed"],
        ["deleted"],
    ]
    simulator.change(b'{"op":"purge","path":"users/member"}')


async def test_expansions_filters_and_counts_are_supported(simulator: Simulator, client: GraphServiceClient) -> None:
    users = await read(client.users, select=["id"], expand=["manager($select=id)"], top=999)
    managers = {user.id: user.manager.id for user in users if user.manager}
    assert managers == {
        id: link for id in stored_values(simulator, "users") for link in stored_values(simulator, f"users/{id}/manager")
    }
    groups = await read(client.groups, expand=["members($select=id)"])
    assert max(len(group.members) for group in groups) == 20
    ids = [user.id for user in users[:3]]
    condition = " or ".join(f"id eq '{id}'" for id in ids)
    assert [user.id for user in await read(client.users, filter=condition)] == ids
    eventual = query(client.users.count)
    eventual.headers.add("ConsistencyLevel", "eventual")
    assert await client.users.count.get(eventual) == len(users)


async def test_objects_are_fetched_by_ids(simulator: Simulator, client: GraphServiceClient) -> None:
    user, group = (next(iter(stored_values(simulator, path))) for path in ("users", "groups"))
    objects = await client.directory_objects.get_by_ids.post(GetByIdsPostRequestBody(ids=[user, group]))
    assert objects is not None
    assert {model.id: type(model).__name__ for model in objects.value} == {user: "User", group: "Group"}


async def test_graph_errors_are_parsed(client: GraphServiceClient) -> None:
    with pytest.raises(ODataError) as caught:
        await client.users.by_user_id("none").get()
    error = caught.value.error
    assert error is not None
    assert (caught.value.response_status_code, error.code) == (404, "Request_ResourceNotFound")
    assert error.inner_error is not None
    assert error.inner_error.request_id
