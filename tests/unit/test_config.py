"""Settings are read once, and all errors in them are reported together."""

from pathlib import Path

import pytest

from shared.adapters.blobs import open_store
from shared.adapters.catalog import open_catalog
from shared.config import bare_environment, child_environment, read_place, read_settings
from shared.domain.errors import Code, Refuse
from shared.network import VARIABLES

ARN = "arn:aws:kms:eu-central-1:111122223333:key/0f3e5a3c-7c1e-4a3d-9a44-000000000001"


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in list(os.environ):
        if name.startswith("ENTRAKEEP_") or name in VARIABLES:
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


def test_database_and_store_are_in_the_home_unless_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ENTRAKEEP_PROVIDER_KEY_ARN", ARN)
    monkeypatch.setenv("ENTRAKEEP_HOME", str(tmp_path))
    settings = read_settings()
    assert settings.database == f"sqlite:///{tmp_path}/catalog.sqlite3"
    assert settings.store == f"file://{tmp_path}/store"


@pytest.mark.parametrize("name", ["a?b", "a%41b", "a#b", "a b", "å&=", "a%3Fmode=ro", "?x"])
def test_a_home_of_any_name_holds_the_catalog_and_the_store(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    home = tmp_path / name
    monkeypatch.setenv("ENTRAKEEP_PROVIDER_KEY_ARN", ARN)
    monkeypatch.setenv("ENTRAKEEP_HOME", str(home))
    settings = read_settings()
    assert settings.catalog_file == home / "catalog.sqlite3"
    open_catalog(settings.database).close()
    open_store(settings.store).put("t/x", b"sealed")
    assert {path.name for path in tmp_path.iterdir()} == {name}
    assert {path.name for path in home.iterdir() if path.name in ("catalog.sqlite3", "store")} == {
        "catalog.sqlite3",
        "store",
    }
    monkeypatch.setenv("ENTRAKEEP_DATABASE_URL", settings.database)
    assert read_settings().catalog_file == settings.catalog_file
    assert read_settings().catalog_name == settings.catalog_name


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("STORE_URL", "file:///mnt/what?/blobs"),
        ("STORE_URL", "file:///mnt/no#1"),
        ("STORE_URL", "s3://bucket/a?b"),
        ("DATABASE_URL", "sqlite:////mnt/what?/catalog.sqlite3"),
        ("DATABASE_URL", "sqlite:////mnt/no#1/catalog.sqlite3"),
    ],
)
def test_a_url_with_a_part_that_would_be_dropped_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, url: str
) -> None:
    monkeypatch.setenv("ENTRAKEEP_PROVIDER_KEY_ARN", ARN)
    monkeypatch.setenv(f"ENTRAKEEP_{name}", url)
    with pytest.raises(Refuse, match=f"ENTRAKEEP_{name} has a .* %3F"):
        read_settings()


def test_errors_of_proxy_and_certificates_are_reported_with_those_of_other_settings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "garbage")
    monkeypatch.setenv("AWS_CA_BUNDLE", "/absent.pem")
    with pytest.raises(Refuse, match=r"AWS_CA_BUNDLE names no file.*PROVIDER_KEY_ARN is missing.*HTTPS_PROXY must be"):
        read_settings()


def test_settings_without_network_use_do_not_check_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "garbage")
    assert read_place().home == Path.home() / ".entrakeep"


def test_a_password_in_a_setting_has_no_printed_form(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENTRAKEEP_PROVIDER_KEY_ARN", ARN)
    monkeypatch.setenv("ENTRAKEEP_BROKER_URL", "redis://:canary@127.0.0.1/0")
    monkeypatch.setenv("ENTRAKEEP_DATABASE_URL", "postgresql://u:canary@db/e")
    settings = read_settings()
    assert "canary" not in f"{settings} {settings!r}"
    assert settings.database == "postgresql://u:canary@db/e"


def test_a_child_process_gets_only_our_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ENTRAKEEP_PROVIDER_KEY_ARN", ARN)
    monkeypatch.setenv("ENTRAKEEP_HOME", str(tmp_path))
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setenv("SOMETHING_ELSE", "x")
    environment = child_environment(read_settings())
    assert environment["ENTRAKEEP_HOME"] == str(tmp_path)
    assert environment["AWS_REGION"] == "eu-central-1"
    assert "SOMETHING_ELSE" not in environment


def test_an_empty_environment_has_no_settings_and_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ENTRAKEEP_HOME", "AWS_PROFILE", "HTTPS_PROXY", "SOMETHING_ELSE"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("PATH", "/bin")
    environment = bare_environment()
    assert environment["PATH"] == "/bin"
    assert not environment.keys() & {"ENTRAKEEP_HOME", "AWS_PROFILE", "HTTPS_PROXY", "SOMETHING_ELSE"}


@pytest.mark.parametrize(
    "url", ["https://hooks.example/T0/B1?x=y", "http://127.0.0.1:8080/", "http://localhost:1/x", "http://[::1]:80/x"]
)
def test_notices_are_sent_over_tls_or_to_this_machine(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("ENTRAKEEP_PROVIDER_KEY_ARN", ARN)
    monkeypatch.setenv("ENTRAKEEP_KEY_WEBHOOK_URL", url)
    settings = read_settings()
    assert settings.key_webhook_url is not None
    assert settings.key_webhook_url.get_secret_value() == url
    assert url not in f"{settings} {settings!r}"


@pytest.mark.parametrize(
    "url", ["http://hooks.example/", "ftp://127.0.0.1/", "https://u:p@hooks.example/", "https:///x"]
)
def test_a_forbidden_notice_url_is_refused(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("ENTRAKEEP_PROVIDER_KEY_ARN", ARN)
    monkeypatch.setenv("ENTRAKEEP_KEY_WEBHOOK_URL", url)
    with pytest.raises(Refuse, match="ENTRAKEEP_KEY_WEBHOOK_URL must be https"):
        read_settings()


@pytest.mark.parametrize("seconds", ["0", "0.5", "86401", "often"])
def test_the_probe_interval_is_between_one_second_and_one_day(monkeypatch: pytest.MonkeyPatch, seconds: str) -> None:
    monkeypatch.setenv("ENTRAKEEP_PROVIDER_KEY_ARN", ARN)
    monkeypatch.setenv("ENTRAKEEP_KEY_PROBE_SECONDS", seconds)
    with pytest.raises(Refuse, match="ENTRAKEEP_KEY_PROBE_SECONDS must be"):
        read_settings()
