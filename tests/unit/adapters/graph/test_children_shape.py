"""URLs and lines of every shape of children."""

import base64
import json
from typing import Any

import pytest
from msgspec import Raw

from shared.adapters.graph import slicer
from shared.adapters.graph.batches import BatchItem
from shared.adapters.graph.children import owner_decoder, owners_query
from shared.adapters.graph.children_shape import ChildrenShape
from shared.domain.errors import Skip
from shared.domain.resources import STREAMS, Children, Reading, Stream

MAIL = ("allowExternalSenders", "isSubscribedByMail")


def shape(
    segment: str,
    *,
    paged: bool = False,
    owner: str = "users",
    links: bool = False,
    key: str = "id",
    needs: str = "",
    **more: Any,
) -> ChildrenShape:
    children = Children(owner=owner, segment=segment, links=links, **more)
    stream = Stream(
        name="s",
        reading=Reading.CHILDREN,
        path=f"/{owner}",
        collection=f"/{owner}",
        resource=f"{owner}.{children.named}",
        children=children,
        paged=paged,
        key=key,
        needs=needs,
    )
    return ChildrenShape(stream, children)


def item(body: object, content_type: str = "application/json") -> BatchItem:
    headers = Raw(json.dumps({"Content-Type": content_type}).encode())
    return BatchItem(id=Raw(b'"1"'), status=Raw(b"200"), headers=headers, body=Raw(json.dumps(body).encode()))


async def lines(children: ChildrenShape, owner: str, body: object, **more: str) -> dict[str, object]:
    page = await children.page(owner, item(body, **more))
    return {order.decode(): json.loads(value or b"null") for order, value in children.lines(owner, page.value)}


@pytest.mark.parametrize(
    ("children", "owner", "url"),
    [
        (shape("extensions"), "u", "/users/u/extensions"),
        (shape("extensions", paged=True), "ü", "/users/%C3%BC/extensions?$top=999"),
        (shape("sponsors", links=True, paged=True), "u", "/users/u/sponsors?$select=id&$top=999"),
        (shape("manager", links=True, to_one=True, paged=True), "u", "/users/u/manager?$select=id"),
        (shape("photo/$value", binary=True, name="photo", paged=True), "u", "/users/u/photo/$value"),
        (shape("mailSettings", detail=MAIL), "u", f"/users/u?$select={','.join(MAIL)}"),
        (shape("decisions", through="instances"), "r", "/users/r/instances?$select=id"),
        (shape("decisions", through="instances"), "r/i", "/users/r/instances/i/decisions"),
    ],
)
def test_the_url_of_an_owner(children: ChildrenShape, owner: str, url: str) -> None:
    assert children.url(owner) == url


async def test_children_have_their_id_and_the_name_of_their_kind_in_the_key() -> None:
    found = await lines(shape("synchronization/jobs", name="jobs"), "u", {"value": [{"id": "J.1"}]})
    assert found == {"users.jobs\0users/u/jobs/J.1": {"id": "J.1"}}


async def test_an_only_child_without_an_id_has_the_name_of_its_kind() -> None:
    body = {"@odata.context": "x", "isEnabled": True}
    assert await lines(shape("rdp", to_one=True), "u", body) == {"users.rdp\0users/u/rdp/rdp": {"isEnabled": True}}
    body = {"id": "own", "isEnabled": True}
    assert await lines(shape("rdp", to_one=True), "u", body) == {"users.rdp\0users/u/rdp/own": body}


async def test_a_detail_has_its_owners_id() -> None:
    found = await lines(shape("mailSettings", detail=MAIL), "u", {"allowExternalSenders": None})
    assert found == {"users.mailSettings\0users/u/mailSettings/u": {"allowExternalSenders": None}}


async def test_a_link_to_one_object_is_stored_as_type_and_id() -> None:
    body = {"@odata.context": "x", "@odata.type": "#microsoft.graph.user", "id": "b", "displayName": "Boss"}
    found = await lines(shape("manager", links=True, to_one=True), "u", body)
    assert found == {"users.manager\0users/u/manager/b": {"@odata.type": "#microsoft.graph.user", "id": "b"}}


async def test_children_two_levels_below_have_both_ids_in_the_key() -> None:
    below = shape("decisions", through="instances")
    page = await below.page("r", item({"value": [{"id": "i1"}, {"id": "i2"}]}))
    assert below.is_middle("r")
    assert below.middles("r", page) == ["r/i1", "r/i2"]
    assert not below.is_middle("r/i1")
    found = await lines(below, "r/i1", {"value": [{"id": "d"}]})
    assert found == {"users.decisions\0users/r/decisions/i1%2Fd": {"id": "d"}}


async def test_a_file_is_stored_in_base64_with_its_type() -> None:
    content = base64.b64encode(b"\x89PNG").decode()
    found = await lines(shape("photo/$value", binary=True, name="photo"), "u", content, content_type="image/png; x=y")
    assert found == {"users.photo\0users/u/photo/photo": {"contentType": "image/png", "contentBytes": content}}


async def test_an_unexpected_answer_is_an_error() -> None:
    with pytest.raises(ValueError):
        await shape("extensions").page("u", item({"id": "u"}))
    with pytest.raises(ValueError):
        await shape("rdp", to_one=True).page("u", item([1]))
    with pytest.raises(ValueError):
        await shape("photo", binary=True).page("u", item({"error": 1}))
    with pytest.raises(Skip):
        shape("extensions").lines("u", [Raw(b'{"name":"x"}')])


async def test_children_are_identified_by_another_property_and_left_out_without_what_they_are_read_for() -> None:
    permissions = shape("permissions", key="resourceAppId")
    listed = {"value": [{"resourceAppId": "a", "scopes": []}]}
    assert list(await lines(permissions, "u", listed)) == ["users.permissions\0users/u/permissions/a"]
    publishing = shape("publishing", detail=("id", "publishing"), needs="publishing")
    assert await lines(publishing, "u", {"id": "u", "publishing": None}) == {}
    assert len(await lines(publishing, "u", {"id": "u", "publishing": {"a": 1}})) == 1


async def test_the_middle_collection_of_only_children_is_a_list() -> None:
    schema = shape("schema", through="jobs", to_one=True)
    assert schema.middles("u", await schema.page("u", item({"value": [{"id": "j"}]}))) == ["u/j"]
    assert list(await lines(schema, "u/j", {"id": "s"})) == ["users.schema\0users/u/schema/j%2Fs"]


def test_what_children_contain_is_requested_with_them() -> None:
    resources = STREAMS["accessPackageCatalogs.resources"]
    assert resources.children is not None
    url = ChildrenShape(resources, resources.children).url("c")
    assert url == "/identityGovernance/entitlementManagement/catalogs/c/resources?$expand=scopes"
    roles = owners_query(STREAMS["accessPackages.resourceRoleScopes"], 999)
    assert roles == "?$expand=resourceRoleScopes($expand=role,scope)"


def test_an_owner_is_read_by_its_own_key() -> None:
    synchronizations = STREAMS["crossTenantAccessPolicyPartners.identitySynchronization"]
    assert slicer.read(Raw(b'{"tenantId":"t"}'), owner_decoder(synchronizations)).id == "t"
