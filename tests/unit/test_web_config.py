"""The settings of the web console: what is wrong is named, and nothing listens off this machine without TLS."""

from pathlib import Path

import pytest

from shared.domain.errors import Code, Refuse
from shared.web_config import read_web_settings

_NAMES = ("WEB_URL", "WEB_LISTEN", "WEB_PROXIES", "OIDC_ISSUER", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET_FILE")


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in _NAMES:
        monkeypatch.delenv(f"ENTRAKEEP_{name}", raising=False)
    monkeypatch.setenv("ENTRAKEEP_HOME", str(tmp_path))


def set_all(monkeypatch: pytest.MonkeyPatch, **values: str) -> None:
    for name, value in values.items():
        monkeypatch.setenv(f"ENTRAKEEP_{name}", value)


def test_without_settings_the_console_is_on_this_machine_alone() -> None:
    settings = read_web_settings()
    assert (settings.web_url, settings.web_address) == ("http://localhost:8088", ("127.0.0.1", 8088))


@pytest.mark.parametrize("listen", ["0.0.0.0:8088", "[::]:8088", "192.0.2.7:80", "backups.example:8088"])
def test_off_loopback_it_refuses_to_start_without_https(monkeypatch: pytest.MonkeyPatch, listen: str) -> None:
    set_all(monkeypatch, WEB_LISTEN=listen)
    with pytest.raises(Refuse, match="ENTRAKEEP_WEB_URL must be https") as refusal:
        read_web_settings()
    assert refusal.value.code is Code.SETTINGS_INVALID
    set_all(monkeypatch, WEB_URL="https://backups.example")
    assert read_web_settings().web_listen == listen


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WEB_URL", "http://backups.example"),
        ("WEB_URL", "https://backups.example/console"),
        ("WEB_URL", "https://user@backups.example"),
        ("WEB_URL", "localhost:8088"),
        ("WEB_URL", "https://x:99999"),
        ("WEB_LISTEN", "8088"),
        ("WEB_LISTEN", "127.0.0.1:http"),
        ("WEB_LISTEN", "127.0.0.1:70000"),
        ("WEB_PROXIES", "proxy.example"),
        ("WEB_PROXIES", "10.0.0.1/8"),
        ("WEB_CERTIFICATE", "/nonexistent.pem"),
        ("WEB_KEY", __file__),
        ("OIDC_ISSUER", "http://login.example"),
        ("OIDC_CLIENT_SECRET_FILE", "/nonexistent"),
        ("FLOWER_URL", "ftp://flower"),
    ],
)
def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    set_all(monkeypatch, **{name: value})
    with pytest.raises(Refuse, match=f"ENTRAKEEP_{name} ") as refusal:
        read_web_settings()
    assert refusal.value.code is Code.SETTINGS_INVALID


def test_proxies_are_networks_without_host_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    set_all(monkeypatch, WEB_PROXIES=" 10.0.0.1, 192.0.2.0/24,2001:db8::/32 ")
    assert read_web_settings().web_proxies == "10.0.0.1/32,192.0.2.0/24,2001:db8::/32"
