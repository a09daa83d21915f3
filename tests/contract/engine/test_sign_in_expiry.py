"""When the credential of a tenant expires is kept: as a certificate says it, and of a client secret a person or Graph."""

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

SAID = datetime(2027, 3, 1, tzinfo=UTC)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[EngineWorld]:
    made = EngineWorld(tmp_path)
    yield made
    made.close()


def test_of_a_client_secret_the_directory_is_asked_unless_somebody_says(world: EngineWorld) -> None:
    world.directory.secret_expiry = END
    update_tenant(world.context, "acme", None, Secret(b"new"))
    assert world.of.tenant().sign_in_expires_at == END
    update_tenant(world.context, "acme", None, Secret(b"new"), expires_at=SAID)
    assert world.of.tenant().sign_in_expires_at == SAID
    later = certificate(SAID)
    update_tenant(world.context, "acme", None, Secret(later), CredentialKind.CERTIFICATE)
    assert world.of.tenant().sign_in_expires_at == SAID


def test_a_new_credential_brings_its_own_time(world: EngineWorld) -> None:
    assert world.of.tenant().sign_in_expires_at is None
    update_tenant(world.context, "acme", None, Secret(b"new"), expires_at=SAID)
    assert world.of.tenant().sign_in_expires_at == SAID
    update_tenant(world.context, "acme", None, Secret(certificate(END)), CredentialKind.CERTIFICATE)
    assert world.of.tenant().sign_in_expires_at == END
    update_tenant(world.context, "acme", None, Secret(b"newer"))
    assert world.of.tenant().sign_in_expires_at is None


@pytest.mark.parametrize(
    ("kind", "secret", "expires"),
    [(CredentialKind.SECRET, b"s", SAID), (CredentialKind.CERTIFICATE, certificate(END), END)],
    ids=["client secret", "certificate"],
)
def test_a_tenant_is_added_with_the_time(
    world: EngineWorld, kind: CredentialKind, secret: bytes, expires: datetime
) -> None:
    world.of.remove()  # a directory has one tenant
    identity = Identity(directory_id=DIRECTORY, client_id=CLIENT, secret=Secret(secret), kind=kind)
    tenant = add_tenant(world.context, "again", identity, expires_at=SAID).tenant
    assert world.context.catalog.find("again") == tenant
    assert tenant.sign_in_expires_at == expires
