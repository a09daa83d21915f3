"""Wiring creates some parts once and passes them to several adapters."""

import gc
import ssl
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from shared import wiring
from shared.domain.errors import StoreNotOurs
from tests.contract.catalog.world import World

ARN = "arn:aws:kms:eu-central-1:111122223333:key/0f3e5a3c-7c1e-4a3d-9a44-000000000001"


@pytest.fixture(autouse=True)
def _set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_REGION", "ENTRAKEEP_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ENTRAKEEP_PROVIDER_KEY_ARN", ARN)
    monkeypatch.setenv("ENTRAKEEP_HOME", str(tmp_path))


def test_the_operators_authorities_are_trusted_beside_the_public_ones(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = _trusted()
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("ENTRAKEEP_CA_BUNDLE", str(tmp_path / "ca.pem"))
    assert _trusted() > before > set()


def _trusted() -> set[str]:
    context = wiring._trust(wiring.settings().ca_bundle)
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    return {certificate["serialNumber"] for certificate in context.get_ca_certs()}


@pytest.mark.parametrize(("region", "expected"), [("eu-west-3", "eu-west-3"), ("", "us-east-1")])
def test_the_bucket_region_comes_from_aws_region_or_else_aws_default_region(
    monkeypatch: pytest.MonkeyPatch, region: str, expected: str
) -> None:
    monkeypatch.setenv("ENTRAKEEP_STORE_URL", "s3://backups")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_REGION", region)
    context = wiring.command_context()
    assert context.store._store._client.meta.region_name == expected  # type: ignore[attr-defined]
    context.catalog.close()


@pytest.fixture
def interpreter() -> Iterator[None]:
    """Reset the interpreter to its initial state, and restore the settings of the tests afterwards."""
    interval, frozen = sys.getswitchinterval(), gc.get_freeze_count()
    sys.setswitchinterval(0.005)
    gc.unfreeze()
    yield
    sys.setswitchinterval(interval)
    gc.unfreeze()
    if frozen:
        gc.freeze()


@pytest.mark.usefixtures("interpreter")
def test_a_worker_switches_threads_often_and_freezes_its_initial_objects_for_garbage_collection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ENTRAKEEP_BROKER_URL", "redis://127.0.0.1:1/0")
    tracked = len(gc.get_objects())
    wiring.command_context().catalog.close()
    assert (sys.getswitchinterval(), gc.get_freeze_count()) == (0.005, 0)
    wiring.worker_context(wiring.celery_app()).catalog.close()
    assert sys.getswitchinterval() <= 0.001
    assert gc.get_freeze_count() >= tracked // 2


def test_up_checks_the_store_once_a_tenant_exists(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ENTRAKEEP_STORE_URL", (tmp_path / "store").as_uri())
    look = wiring.store_look()
    look()
    assert not (tmp_path / "store").exists()
    world = World(f"sqlite:///{tmp_path / 'catalog.sqlite3'}")
    world.add("acme")
    world.close()
    with pytest.raises(StoreNotOurs, match="nothing that it knows of is stored there"):
        look()
    assert not (tmp_path / "store").exists()
