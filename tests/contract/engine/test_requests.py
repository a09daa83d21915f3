"""Requests about tenants: wrong input is refused before any call leaves this process, and audit events name the actor."""

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
    world = EngineWorld(tmp_path)
    yield world
    world.close()


def last_event(world: EngineWorld, tenant_id: str) -> Event:
    """Return the newest event of a trail."""
    return event_of(world.context.catalog.tenant(tenant_id).audit.recent(1)[0])


def test_events_of_an_added_and_of_an_updated_tenant_name_the_actor(world: EngineWorld) -> None:
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


def test_an_expiry_is_refused_for_a_certificate(world: EngineWorld) -> None:
    other = identity()
    certificate = Identity(
        directory_id=other.directory_id, client_id=other.client_id, secret=Secret(b"x"), kind=CredentialKind.CERTIFICATE
    )
    with pytest.raises(Refuse, match="a certificate says when it expires") as caught:
        add_tenant(world.context, ADA, "other", certificate, secret_expires_at=EXPIRES)
    assert caught.value.code is Code.WRONG_USE
    with pytest.raises(Refuse, match="a certificate says when it expires"):
        update_tenant(world.context, ADA, "acme", CredentialKind.CERTIFICATE, Secret(b"x"), secret_expires_at=EXPIRES)


def test_an_update_to_another_directory_is_refused(world: EngineWorld) -> None:
    with pytest.raises(Refuse, match="acme keeps its directory") as caught:
        update_tenant(
            world.context, ADA, "acme", CredentialKind.SECRET, Secret(b"x"), directory_id=identity().directory_id
        )
    assert caught.value.code is Code.WRONG_USE


def test_the_event_of_a_removal_and_the_certificate_of_a_shred_name_the_actor(world: EngineWorld) -> None:
    assert remove_tenant(world.context, ADA, "acme") == world.tenant
    event = last_event(world, world.tenant.tenant_id)
    assert (event.actor, event.action) == (ADA, "tenant.removed")
    add_tenant(world.context, ADA, "other", identity())
    assert shred_tenant(world.context, "bob", "other").by == "bob"


def test_a_rebuild_names_the_actor_and_yields_each_tenant(world: EngineWorld, tmp_path: Path) -> None:
    world.back_up()
    empty = world.with_catalog(tmp_path / "new.sqlite3")
    counts: list[int] = []
    (outcome,) = rebuild_catalog(empty.context, ADA, frozenset(), lambda: nullcontext(counts.append))
    assert (outcome.tenant, outcome.snapshots, counts) == (world.tenant, 1, [1])
    event = last_event(empty, world.tenant.tenant_id)
    assert (event.actor, event.action) == (ADA, "catalog.rebuilt")
    empty.close()


def test_only_the_arn_of_a_key_can_be_trusted() -> None:
    key = "arn:aws:kms:eu-central-1:444455556666:key/0f3e5a3c-7c1e-4a3d-9a44-000000000001"
    assert check_trusted([key, key]) == {key}
    for text in ("key", "arn:aws:kms:eu-central-1:444455556666:alias/backup"):
        with pytest.raises(Refuse) as caught:
            check_trusted([key, text])
        assert caught.value.code is Code.KEY_INVALID
