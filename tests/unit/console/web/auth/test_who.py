"""What a browser is called in the list of sign-ins."""

import pytest

from console.web.auth.ceremony import Ceremony
from console.web.auth.who import browser_name

_WINDOWS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
)


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        (_WINDOWS, "Chrome on Windows"),
        (f"{_WINDOWS} Edg/156.0.0.0", "Edge on Windows"),
        (f"{_WINDOWS} OPR/120.0", "Opera on Windows"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0", "Firefox on Linux"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 14_0) Version/18.0 Safari/605.1.15", "Safari on macOS"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0) Version/18.0 Mobile Safari/604.1", "Safari on iPhone"),
        ("Mozilla/5.0 (Linux; Android 15) Chrome/156.0 Mobile Safari/537.36", "Chrome on Android"),
        ("curl/8.9.1", "curl/8.9.1"),
        ("", "unknown"),
        ("\x00\u202e\n", "unknown"),
        ("x" * 10_000, "x" * 60),
    ],
)
def test_a_browser_has_a_short_name(agent: str, name: str) -> None:
    assert browser_name(agent) == name


def test_values_of_a_ceremony_depend_on_browser_seed_and_use() -> None:
    ceremonies = [Ceremony("seed", "browser"), Ceremony("seed", "other"), Ceremony("other", "browser")]
    values = [value for each in ceremonies for value in (each.challenge.hex(), each.nonce, each.verifier, each.hash)]
    assert len(set(values)) == len(values)
    assert Ceremony("seed", "browser").nonce == ceremonies[0].nonce
    assert len(ceremonies[0].challenge) == 32
    assert 43 <= len(ceremonies[0].verifier) <= 128
    assert not any("seed" in value or "browser" in value for value in values)
