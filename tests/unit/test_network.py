"""Proxies and certificates of the environment: accepted settings work, and refused settings are named."""

from pathlib import Path

import certifi
import httpx
import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from shared.network import VARIABLES, faults

GOOD_PROXIES = [
    "http://proxy:3128",
    "http://proxy.example",
    "https://proxy.example:8443/",
    "http://user:p%40ss@proxy.example:3128",
    "http://[::1]:3128",
    "http://127.0.0.1:3128",
]
BAD_PROXIES = [
    "garbage",
    "proxy:3128",
    "//proxy:3128",
    "http://",
    "http:proxy:1",
    "http://proxy:port",
    "http://proxy:0",
    "http://proxy:65536",
    "http://[::1",
    "http://user:CANARY#@proxy:1",
    "http://pro xy:1",
    " http://proxy:1",
    "ftp://proxy:1",
    "http://proxy:1/path",
]


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
@pytest.mark.parametrize("value", BAD_PROXIES)
def test_an_unusable_proxy_is_named_and_its_url_is_not_shown(name: str, value: str) -> None:
    (fault,) = faults({"HTTPS_PROXY": GOOD_PROXIES[0]} | {name: value})
    assert fault.startswith(f"{name} must be http://")
    assert "CANARY" not in fault


@pytest.mark.parametrize("scheme", ["socks5", "socks5h", "socks4", "SOCKS5"])
def test_a_socks_proxy_is_refused_by_the_name_of_its_variable(scheme: str) -> None:
    (fault,) = faults({"HTTPS_PROXY": GOOD_PROXIES[0], "all_proxy": f"{scheme}://127.0.0.1:1080"})
    assert fault.startswith("all_proxy names a SOCKS proxy")


def test_a_wrong_all_proxy_is_named_once() -> None:
    (fault,) = faults({"ALL_PROXY": "socks5://127.0.0.1:1080"})
    assert fault.startswith("ALL_PROXY names a SOCKS proxy")


def test_all_proxy_alone_is_refused_because_the_aws_client_does_not_read_it() -> None:
    (fault,) = faults({"ALL_PROXY": GOOD_PROXIES[0]})
    assert fault.startswith("HTTPS_PROXY must be set")
    assert faults({"ALL_PROXY": GOOD_PROXIES[0], "https_proxy": GOOD_PROXIES[0]}) == []


@pytest.mark.parametrize("value", GOOD_PROXIES)
def test_every_library_can_use_an_accepted_proxy(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    assert faults({"HTTPS_PROXY": value}) == []
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", value)
    httpx.Client(verify=False).close()
    session = requests.Session()
    prepared = session.prepare_request(requests.Request("GET", "https://192.0.2.1/"))
    proxies = session.merge_environment_settings(prepared.url, {}, None, None, None)["proxies"]
    session.get_adapter("https://x").get_connection_with_tls_context(prepared, True, proxies=proxies)


@pytest.mark.parametrize(
    "value", ["*", "localhost,127.0.0.1, ::1,10.0.0.0/8", ".corp,*.corp,corp:443,http://inner", "", "a_b.example,"]
)
def test_valid_no_proxy_hosts_are_accepted(value: str) -> None:
    assert faults({"NO_PROXY": value}) == []


@pytest.mark.parametrize(
    "value", ["[::1]", "fd00::/8", "host:port", "bücher.example", "a b", "a;b", "host,10.0.0.0/99"]
)
def test_unreadable_no_proxy_hosts_are_named(value: str) -> None:
    (fault,) = faults({"no_proxy": value})
    assert fault.startswith("no_proxy must be hosts")


@given(st.text(st.sampled_from("a1.:/[]*-_ é,@%"), max_size=12))
def test_httpx_accepts_every_accepted_proxy_setting(value: str) -> None:
    if faults({"NO_PROXY": value}):
        return
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("HTTPS_PROXY", GOOD_PROXIES[0])
        environment.setenv("NO_PROXY", value)
        httpx.Client(verify=False).close()


FILES = ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE"]


@pytest.mark.parametrize("name", FILES)
def test_an_unreadable_certificate_file_is_named(tmp_path: Path, name: str) -> None:
    odd = tmp_path / "odd.pem"
    odd.write_text("no certificate")
    for value in (tmp_path / "absent.pem", odd):
        (fault,) = faults({name: str(value)})
        assert fault.startswith(f"{name} names no file of certificates")
    assert faults({name: certifi.where()}) == []


def test_a_folder_of_certificates_is_accepted(tmp_path: Path) -> None:
    assert faults({"SSL_CERT_DIR": str(tmp_path), "REQUESTS_CA_BUNDLE": str(tmp_path)}) == []
    (fault,) = faults({"SSL_CERT_DIR": str(tmp_path / "absent")})
    assert fault.startswith("SSL_CERT_DIR names no folder")


def test_an_empty_variable_counts_as_unset() -> None:
    assert faults(dict.fromkeys(VARIABLES, "")) == []
