"""What an attacker tries against the frame of all pages, each test named for the attack."""

import re
import socket
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import quote

import httpx
import msgspec
import pytest

from console.web.visitor import COOKIE
from tests.contract.console.served import QUICK, Console, served_console


@pytest.fixture(scope="module", autouse=True)
def _tenants(console: Console) -> None:
    for name in ("acme", "other"):
        console.world.add(name)


@pytest.fixture(scope="module")
def hurried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """Yield a console that takes few requests from a network."""
    limits = msgspec.structs.replace(QUICK, web_network_requests=5, web_pace_seconds=60)
    with served_console(tmp_path_factory.mktemp("hurried"), limits=limits) as console:
        yield console


def post(console: Console, **headers: str) -> httpx.Response:
    """Return the answer to a post of a browser that sends these headers about its origin."""
    plain = httpx.Client(base_url=console.url, trust_env=False)
    with plain:
        return plain.post(
            "/preferences", data={"theme": "dark"}, headers={k.replace("_", "-"): v for k, v in headers.items()}
        )


@pytest.mark.parametrize("site", ["cross-site", "same-site", "", "sideways"])
def test_post_from_another_site_is_refused(console: Console, site: str) -> None:
    answer = post(console, sec_fetch_site=site, origin=console.url)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_post_without_any_origin_is_refused(console: Console) -> None:
    assert post(console).status_code == 403


@pytest.mark.parametrize(
    "origin", ["null", "http://evil.example", "https://localhost", "http://localhost", "http://localhost:1"]
)
def test_post_with_a_foreign_origin_is_refused(console: Console, origin: str) -> None:
    assert post(console, origin=origin).status_code == 403


def test_post_of_an_old_browser_with_our_origin_is_taken(console: Console) -> None:
    assert post(console, origin=console.url).status_code == 303


@pytest.mark.parametrize("host", ["evil.example", "localhost", "127.0.0.1:{port}", "localhost:{port}.evil.example", ""])
def test_foreign_host_is_refused_on_pages_and_answered_on_probes(console: Console, host: str) -> None:
    headers = {"host": host.format(port=console.port)}
    answer = console.nobody().get("/help", headers=headers)
    assert answer.status_code == 421
    assert "evil" not in answer.text
    assert console.nobody().get("/healthz", headers=headers).status_code == 200


def test_forwarded_headers_from_outside_count_for_nothing(hurried: Console) -> None:
    browser = hurried.nobody()
    statuses = [
        browser.get("/healthz", headers={"x-forwarded-for": f"192.0.2.{n}", "x-forwarded-proto": "https"}).status_code
        for n in range(7)
    ]
    assert statuses == [200] * 5 + [429] * 2


def test_forwarded_headers_of_our_proxy_count(tmp_path_factory: pytest.TempPathFactory) -> None:
    limits = msgspec.structs.replace(QUICK, web_network_requests=1, web_pace_seconds=60)
    folder = tmp_path_factory.mktemp("proxied")
    with served_console(folder, limits=limits, web_proxies="127.0.0.1", https=True) as console:
        browser = console.nobody()
        assert [
            browser.get("/healthz", headers={"x-forwarded-for": f"192.0.2.{n}"}).status_code for n in (1, 2, 2)
        ] == [
            200,
            200,
            429,
        ]


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "https://evil.example/help",
        "/\\evil.example",
        "\\\\evil.example",
        "/%5cevil.example",
        "/help\r\nset-cookie: x=y",
        "javascript:alert(1)",
        "/nothing",
        "help",
        "/healthz/../../evil",
        "////evil.example//help",
        "/help@evil.example",
        "",
    ],
)
def test_open_redirect_leads_to_the_first_page(console: Console, target: str) -> None:
    answer = console.nobody().post("/preferences", data={"theme": "dark", "return": target})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


def test_return_to_a_page_of_ours_keeps_its_query(console: Console) -> None:
    answer = console.nobody().post("/preferences", data={"return": "/tenants?search=a"})
    assert answer.headers["location"] == "/tenants?search=a"


def test_over_long_address_gets_a_sentence(console: Console) -> None:
    answer = console.nobody().get("/help", params={"x": "y" * 3_000})
    assert answer.status_code == 414
    assert "at most 2,048 bytes" in answer.text


def test_over_long_head_gets_a_sentence(console: Console) -> None:
    answer = console.nobody().get("/help", headers={"x-long": "y" * 20_000})
    assert answer.status_code == 431
    assert "at most 16,384 bytes" in answer.text


@pytest.mark.parametrize("chunked", [False, True])
def test_large_body_is_refused_before_any_page_reads_it(console: Console, chunked: bool) -> None:
    body = b"theme=dark&x=" + b"y" * 70_000
    content = iter([body]) if chunked else body
    form = {"content-type": "application/x-www-form-urlencoded"}
    answer = console.nobody().post("/preferences", content=content, headers=form)
    assert answer.status_code == 413
    assert "set-cookie" not in answer.headers


def test_slow_body_is_refused_in_time(console: Console) -> None:
    with closing(socket.create_connection(("127.0.0.1", console.port), 10)) as wire:
        head = f"POST /preferences HTTP/1.1\r\nHost: localhost:{console.port}\r\nSec-Fetch-Site: same-origin\r\n"
        wire.sendall(f"{head}Content-Length: 100\r\n\r\ntheme=".encode())
        assert wire.recv(4096).startswith(b"HTTP/1.1 408")


def test_slow_head_ends_the_connection(tmp_path_factory: pytest.TempPathFactory) -> None:
    limits = msgspec.structs.replace(QUICK, web_head_seconds=0.5)
    with (
        served_console(tmp_path_factory.mktemp("slow"), limits=limits) as console,
        closing(socket.create_connection(("127.0.0.1", console.port), 10)) as wire,
    ):
        wire.settimeout(5)
        for request in range(2):  # the first head of a connection, and a later one
            wire.sendall(b"GET /healthz HTTP/1.1\r\n")
            if request == 0:
                wire.sendall(f"Host: localhost:{console.port}\r\n\r\n".encode())
                assert wire.recv(4096).startswith(b"HTTP/1.1 200")
        while wire.recv(4096):
            pass


@pytest.mark.parametrize("cookie", ["fixed-by-an-attacker", "", "x" * 2_000, "é", "a=b; c"])
def test_cookie_that_an_attacker_fixed_signs_nobody_in(console: Console, cookie: str) -> None:
    answer = console.nobody().get("/tenants", headers={"cookie": f"{COOKIE}={quote(cookie)}"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?return=%2Ftenants")


def test_cookie_without_the_prefix_of_this_host_signs_nobody_in(console: Console) -> None:
    value = console.as_("operator").headers["cookie"].removeprefix("__Host-")
    assert console.nobody().get("/tenants", headers={"cookie": value}).status_code == 303


def test_page_cache_after_sign_out_has_nothing(console: Console) -> None:
    assert console.as_("operator").get("/tenants").headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["/help/%00", "/t/a%00b", "/tenants?search=%00"])
def test_nul_character_is_refused(console: Console, path: str) -> None:
    assert console.as_("operator").get(path).status_code in (400, 404)


@pytest.mark.parametrize("encoded", [b"search=%ff", b"search=%ed%a0%80", b"search=" + b"&a=b" * 400])
def test_query_that_is_no_text_or_too_much_gets_a_sentence(console: Console, encoded: bytes) -> None:
    answer = console.as_("operator").get(f"/tenants?{encoded.decode()}")
    assert answer.status_code in (200, 400)
    assert "WRONG_USE" in answer.text or answer.status_code == 200


def test_markup_that_is_searched_for_stays_text(console: Console) -> None:
    hostile = '"><script>alert(1)</script><b hx-get=/x>{{7*7}}\u202e'
    text = console.as_("operator").get("/tenants", params={"search": hostile}).text
    assert "<script>alert" not in text
    assert "<b hx-get" not in text
    assert "49" not in re.sub(r"/static/\S+|nonce\S+", "", text)


def test_answer_to_another_site_is_not_compressed(console: Console) -> None:
    own, foreign = (
        console.nobody().get("/help/keyboard", headers={"sec-fetch-site": site})
        for site in ("same-origin", "cross-site")
    )
    assert own.headers.get("content-encoding") == "gzip"
    assert "content-encoding" not in foreign.headers


def test_requests_beyond_the_pace_are_refused(hurried: Console) -> None:
    browser = hurried.nobody()
    assert 429 in [browser.get("/healthz").status_code for _ in range(7)]
