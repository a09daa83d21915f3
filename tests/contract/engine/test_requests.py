"""Requests about tenants: what each refuses before anything leaves this process, and whom its audit event names."""

from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shared.domain.audit import Event, event_of
from shared.domain.errors import Code, Refuse
from shared.domain.model import CredentialKind
from shared.domain.secret import Secret
from shared.engine.requests.rebuild import check_trusted, rebuild_catalog
from shared.engine.requests.tenants import add_tenant, remove_tenant, shred_tenant, update_tenant
from shared.ports.directory import Identity
from tests.contract.engine.world import EngineWorld, identity

ADA = "ada@console"
EXPIRES = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[EngineWorld]:
    made = EngineWorld(tmp_path)
    yield made
    made.close()


def last_event(world: EngineWorld, tenant_id: str) -> Event:
    """Return the newest event of a trail."""
    return event_of(world.context.catalog.tenant(tenant_id).audit.recent(1)[0])


def test_a_tenant_is_connected_and_updated_by_the_one_who_asked(world: EngineWorld) -> None:
    tenant = add_tenant(world.context, ADA, "other", identity(), secret_expires_at=EXPIRES).tenant
    assert (tenant.name, tenant.sign_in_expires_at) == ("other", EXPIRES)
    event = last_event(world, tenant.tenant_id)
    assert (event.actor, event.action) == (ADA, "tenant.added")
    update = update_tenant(
        world.context, "bob", "other", CredentialKind.SECRET, Secret(b"new"), directory_id=tenant.directory_id.upper()
    )
    assert update.tenant.tenant_id == tenant.tenant_id
    event = last_event(world, tenant.tenant_id)
    assert (event.actor, event.action) == ("bob", "credential.updated")


def test_an_expiry_is_not_taken_for_a_certificate(world: EngineWorld) -> None:
    given = identity()
    certificate = Identity(
        directory_id=given.directory_id, client_id=given.client_id, secret=Secret(b"x"), kind=CredentialKind.CERTIFICATE
    )
    with pytest.raises(Refuse, match="a certificate says when it expires") as refused:
        add_tenant(world.context, ADA, "other", certificate, secret_expires_at=EXPIRES)
    assert refused.value.code is Code.WRONG_USE
    with pytest.raises(Refuse, match="a certificate says when it expires"):
        update_tenant(world.context, ADA, "acme", CredentialKind.CERTIFICATE, Secret(b"x"), secret_expires_at=EXPIRES)


def test_a_tenant_keeps_its_directory(world: EngineWorld) -> None:
    with pytest.raises(Refuse, match="acme keeps its directory") as refused:
        update_tenant(
            world.context, ADA, "acme", CredentialKind.SECRET, Secret(b"x"), directory_id=identity().directory_id
        )
    assert refused.value.code is Code.WRONG_USE


def test_a_tenant_is_removed_or_shredded_by_the_one_who_asked(world: EngineWorld) -> None:
    assert remove_tenant(world.context, ADA, "acme") == world.tenant
    event = last_event(world, world.tenant.tenant_id)
    assert (event.actor, event.action) == (ADA, "tenant.removed")
    add_tenant(world.context, ADA, "other", identity())
    assert shred_tenant(world.context, "bob", "other").by == "bob"


def test_a_rebuild_names_the_one_who_asked_and_yields_each_tenant(world: EngineWorld, tmp_path: Path) -> None:
    world.backed_up()
    lost = world.over(tmp_path / "new.sqlite3")
    shown: list[int] = []
    (outcome,) = rebuild_catalog(lost.context, ADA, frozenset(), lambda: nullcontext(shown.append))
    assert (outcome.tenant, outcome.snapshots, shown) == (world.tenant, 1, [1])
    event = last_event(lost, world.tenant.tenant_id)
    assert (event.actor, event.action) == (ADA, "catalog.rebuilt")
    lost.close()


def test_only_the_arn_of_a_key_itself_is_trusted() -> None:
    key = "arn:aws:kms:eu-central-1:444455556666:key/0f3e5a3c-7c1e-4a3d-9a44-000000000001"
    assert check_trusted([key, key]) == {key}
    for wrong in ("key", "arn:aws:kms:eu-central-1:444455556666:alias/backup"):
        with pytest.raises(Refuse) as refused:
            check_trusted([key, wrong])
        assert refused.value.code is Code.KEY_INVALID
