"""The headers of each answer, and what is refused before any page sees it."""

import re
import ssl

import httpx
import pytest
import trustme

from console.parts import WebPlace
from tests.contract.console.served import Console, served_console

_ALWAYS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


@pytest.mark.parametrize("path", ["/help", "/help/states", "/nothing", "/healthz", "/tenants", "/help/nothing"])
def test_each_answer_has_the_headers_of_the_specification(console: Console, path: str) -> None:
    answer = console.nobody().get(path)
    for name, value in _ALWAYS.items():
        assert answer.headers[name] == value
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "require-trusted-types-for 'script'" in policy
    assert answer.headers["cache-control"] == "no-store"
    assert "publickey-credentials-get=(self)" in answer.headers["permissions-policy"]
    assert "server" not in answer.headers


def test_each_page_has_a_nonce_of_its_own_and_no_inline_script_or_style(console: Console) -> None:
    nonces = set()
    for _ in range(2):
        answer = console.nobody().get("/help")
        nonce = re.search(r"'nonce-([^']+)'", answer.headers["content-security-policy"])
        assert nonce is not None
        assert f'nonce="{nonce[1]}"' in answer.text
        assert not re.search(r"<style|style=|<script(?![^>]*src=)", answer.text)
        nonces.add(nonce[1])
    assert len(nonces) == 2


def test_static_files_are_kept_for_a_year_under_the_name_of_their_hash(console: Console) -> None:
    browser = console.nobody()
    addresses = re.findall(r'"(/static/[^"#]+)', browser.get("/help").text)
    assert len(set(addresses)) == 4
    for address in addresses:
        answer = browser.get(address)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
        again = browser.get(address, headers={"if-none-match": answer.headers["etag"]})
        assert again.status_code == 304
        other = re.sub("/static/[^/]+/", "/static/of-another-version/", address)
        assert browser.get(other).content == answer.content
        assert browser.get(other).headers["cache-control"] == "no-store"


def test_tls_without_a_proxy_promises_itself_for_a_year(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    issued = authority.issue_cert("localhost")
    issued.cert_chain_pems[0].write_to_path(folder / "certificate.pem")
    issued.private_key_pem.write_to_path(folder / "key.pem")
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    files = {"web_certificate": folder / "certificate.pem", "web_key": folder / "key.pem"}
    with served_console(folder, https=True, **files) as console:
        answer = httpx.get(f"https://localhost:{console.port}/help", verify=trust, trust_env=False)
        assert answer.status_code == 200
        assert answer.headers["strict-transport-security"] == "max-age=31536000"
        assert WebPlace(host="0.0.0.0", port=console.port, url="https://localhost", tls=True).answers()
