"""Settings are read once, and what is wrong with them is said all at once."""

from pathlib import Path

import pytest

from shared.config import bare_environment, child_environment, read_settings
from shared.domain.errors import Code, Refuse

ARN = "arn:aws:kms:eu-central-1:111122223333:key/0f3e5a3c-7c1e-4a3d-9a44-000000000001"


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in list(os.environ):
        if name.startswith("ENTRAKEEP_"):
            monkeypatch.delenv(name)


def test_every_missing_or_wrong_setting_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENTRAKEEP_GRAPH_URL", "http://graph.example")
    monkeypatch.setenv("ENTRAKEEP_STORE_URL", "ftp://x")
    monkeypatch.setenv("ENTRAKEEP_KEY_LEASE_SECONDS", "soon")
    with pytest.raises(Refuse) as refusal:
        read_settings()
    assert refusal.value.code is Code.SETTINGS_INVALID
    for name in ("PROVIDER_KEY_ARN is missing", "GRAPH_URL", "STORE_URL", "KEY_LEASE_SECONDS"):
        assert f"ENTRAKEEP_{name}" in refusal.value.message


def test_database_and_store_lie_in_the_home_unless_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ENTRAKEEP_PROVIDER_KEY_ARN", ARN)
    monkeypatch.setenv("ENTRAKEEP_HOME", str(tmp_path))
    settings = read_settings()
    assert settings.database == f"sqlite:///{tmp_path}/catalog.sqlite3"
    assert settings.store == f"file://{tmp_path}/store"


def test_a_password_in_a_setting_has_no_printed_form(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENTRAKEEP_PROVIDER_KEY_ARN", ARN)
    monkeypatch.setenv("ENTRAKEEP_BROKER_URL", "redis://:canary@127.0.0.1/0")
    monkeypatch.setenv("ENTRAKEEP_DATABASE_URL", "postgresql://u:canary@db/e")
    settings = read_settings()
    assert "canary" not in f"{settings} {settings!r}"
    assert settings.database == "postgresql://u:canary@db/e"


def test_a_child_gets_our_settings_and_not_the_rest(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ENTRAKEEP_PROVIDER_KEY_ARN", ARN)
    monkeypatch.setenv("ENTRAKEEP_HOME", str(tmp_path))
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setenv("SOMETHING_ELSE", "x")
    environment = child_environment(read_settings())
    assert environment["ENTRAKEEP_HOME"] == str(tmp_path)
    assert environment["AWS_REGION"] == "eu-central-1"
    assert "SOMETHING_ELSE" not in environment


def test_a_bare_environment_has_no_settings_and_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ENTRAKEEP_HOME", "AWS_PROFILE", "HTTPS_PROXY", "SOMETHING_ELSE"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("PATH", "/bin")
    environment = bare_environment()
    assert environment["PATH"] == "/bin"
    assert not environment.keys() & {"ENTRAKEEP_HOME", "AWS_PROFILE", "HTTPS_PROXY", "SOMETHING_ELSE"}


@pytest.mark.parametrize(
    "url", ["https://hooks.example/T0/B1?x=y", "http://127.0.0.1:8080/", "http://localhost:1/x", "http://[::1]:80/x"]
)
def test_notices_go_over_tls_or_stay_on_the_machine(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("ENTRAKEEP_PROVIDER_KEY_ARN", ARN)
    monkeypatch.setenv("ENTRAKEEP_KEY_WEBHOOK_URL", url)
    found = read_settings()
    assert found.key_webhook_url is not None
    assert found.key_webhook_url.get_secret_value() == url
    assert url not in f"{found} {found!r}"


@pytest.mark.parametrize(
    "url", ["http://hooks.example/", "ftp://127.0.0.1/", "https://u:p@hooks.example/", "https:///x"]
)
def test_a_place_that_notices_must_not_go_to_is_refused(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("ENTRAKEEP_PROVIDER_KEY_ARN", ARN)
    monkeypatch.setenv("ENTRAKEEP_KEY_WEBHOOK_URL", url)
    with pytest.raises(Refuse, match="ENTRAKEEP_KEY_WEBHOOK_URL must be https"):
        read_settings()


@pytest.mark.parametrize("seconds", ["0", "0.5", "86401", "often"])
def test_keys_are_probed_between_once_a_second_and_once_a_day(monkeypatch: pytest.MonkeyPatch, seconds: str) -> None:
    monkeypatch.setenv("ENTRAKEEP_PROVIDER_KEY_ARN", ARN)
    monkeypatch.setenv("ENTRAKEEP_KEY_PROBE_SECONDS", seconds)
    with pytest.raises(Refuse, match="ENTRAKEEP_KEY_PROBE_SECONDS must be"):
        read_settings()
