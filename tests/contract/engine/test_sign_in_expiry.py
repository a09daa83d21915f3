"""The expiry of a tenant's credential is stored: from the certificate, or for a client secret from the operator or Graph."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shared.domain.model import CredentialKind
from shared.domain.secret import Secret
from shared.engine.tenants.onboarding import add_tenant, update_tenant
from shared.ports.directory import Identity
from tests.contract.engine.world import CLIENT, DIRECTORY, EngineWorld
from tests.unit.vault.test_certificates import END, certificate

GIVEN = datetime(2027, 3, 1, tzinfo=UTC)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[EngineWorld]:
    world = EngineWorld(tmp_path)
    yield world
    world.close()


def test_the_expiry_of_a_client_secret_comes_from_graph_unless_the_operator_gives_it(world: EngineWorld) -> None:
    world.directory.secret_expiry = END
    update_tenant(world.context, "acme", None, Secret(b"new"))
    assert world.catalog.tenant().sign_in_expires_at == END
    update_tenant(world.context, "acme", None, Secret(b"new"), expires_at=GIVEN)
    assert world.catalog.tenant().sign_in_expires_at == GIVEN
    new_certificate = certificate(GIVEN)
    update_tenant(world.context, "acme", None, Secret(new_certificate), CredentialKind.CERTIFICATE)
    assert world.catalog.tenant().sign_in_expires_at == GIVEN


def test_a_new_credential_replaces_the_expiry(world: EngineWorld) -> None:
    assert world.catalog.tenant().sign_in_expires_at is None
    update_tenant(world.context, "acme", None, Secret(b"new"), expires_at=GIVEN)
    assert world.catalog.tenant().sign_in_expires_at == GIVEN
    update_tenant(world.context, "acme", None, Secret(certificate(END)), CredentialKind.CERTIFICATE)
    assert world.catalog.tenant().sign_in_expires_at == END
    update_tenant(world.context, "acme", None, Secret(b"newer"))
    assert world.catalog.tenant().sign_in_expires_at is None


@pytest.mark.parametrize(
    ("kind", "secret", "expires"),
    [(CredentialKind.SECRET, b"s", GIVEN), (CredentialKind.CERTIFICATE, certificate(END), END)],
    ids=["client secret", "certificate"],
)
def test_a_tenant_is_added_with_the_expiry_of_its_credential(
    world: EngineWorld, kind: CredentialKind, secret: bytes, expires: datetime
) -> None:
    world.catalog.remove()  # a directory has one tenant
    identity = Identity(directory_id=DIRECTORY, client_id=CLIENT, secret=Secret(secret), kind=kind)
    tenant = add_tenant(world.context, "again", identity, expires_at=GIVEN).tenant
    assert world.context.catalog.find("again") == tenant
    assert tenant.sign_in_expires_at == expires
