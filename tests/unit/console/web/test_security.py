"""Rules of hosts, origins and peers."""

from ipaddress import ip_network

import pytest

from console.web.security import headers_of_answer, host_allowed, origin_of, peer_allowed, policy, sent_from_here

LOCAL = origin_of("http://localhost:8088")


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://Backups.Example:443", "https://backups.example"),
        ("http://localhost:80", "http://localhost"),
        ("https://[::1]:8443", "https://[::1]:8443"),
    ],
)
def test_an_origin_is_written_as_browsers_write_it(url: str, origin: str) -> None:
    assert origin_of(url).text == origin


def test_only_https_promises_https_for_a_year() -> None:
    assert "strict-transport-security" not in headers_of_answer(LOCAL)
    assert headers_of_answer(origin_of("https://backups.example"))["strict-transport-security"] == "max-age=31536000"


def test_a_page_without_scripts_allows_none() -> None:
    assert "script-src 'none'" in policy(None)
    assert "trusted-types 'none'" in policy(None)
    assert "script-src 'self' 'nonce-n'" in policy("n")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "none"}, True),
        ({"sec-fetch-site": "same-site", "origin": "http://localhost:8088"}, False),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"origin": "http://localhost:8088"}, True),
        ({"origin": "https://localhost:8088"}, False),
        ({"origin": "null"}, False),
        ({}, False),
    ],
)
def test_a_change_must_come_from_here(method: str, headers: dict[str, str], allowed: bool) -> None:
    assert sent_from_here(LOCAL, method, headers) is allowed
    assert sent_from_here(LOCAL, "GET", headers)


def test_other_host_names_are_answered_on_probes_alone() -> None:
    assert host_allowed(LOCAL, "LOCALHOST:8088", "/fleet")
    assert not host_allowed(LOCAL, "10.0.0.5:8088", "/fleet")
    assert host_allowed(LOCAL, "10.0.0.5:8088", "/readyz")


@pytest.mark.parametrize(
    ("peer", "allowed"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("172.18.0.1", True),
        ("::ffff:172.18.0.1", True),
        ("203.0.113.9", False),
        ("2001:db8::1", False),
    ],
)
def test_without_tls_this_machine_and_its_proxies_are_answered(peer: str, allowed: bool) -> None:
    assert peer_allowed([ip_network("172.16.0.0/12")], (peer, 1)) is allowed
