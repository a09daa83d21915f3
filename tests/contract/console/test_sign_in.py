"""Signing in and out of the console, and the attacks on it."""

import pytest

from console.web.auth.ceremony import COOKIE as BROWSER
from console.web.visitor import COOKIE
from shared.domain.access import Grant, Role
from shared.domain.people import FREE_TRIES
from tests.contract.console.person import Visitor, person
from tests.contract.console.served import Console


@pytest.fixture
def ana(console: Console) -> Visitor:
    return person(console, Grant(role=Role.OPERATOR, tenant_id=None))


def test_without_javascript_password_and_code_sign_in_and_lead_back(ana: Visitor) -> None:
    page = ana.follow(ana.get("/me"))
    assert page.status_code == 200
    assert 'name="return" value="/me"' in page.text
    answer = ana.sign_in(ana.codes[0], **{"return": "/me"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/me")
    assert f"<bdi>{ana.handle}</bdi>" in ana.get("/me").text
    assert ana.get("/sign-in").status_code == 303


def test_a_passkey_signs_in_without_a_name(ana: Visitor) -> None:
    assert ana.by_passkey().status_code == 303
    assert f"<bdi>{ana.handle}</bdi>" in ana.get("/me").text


def test_the_ways_stand_on_the_page_with_the_slowest_last(ana: Visitor) -> None:
    text = ana.get("/sign-in").text
    assert 0 < text.index("Sign in with a passkey") < text.index("Use a password and a code")


def test_sign_out_ends_the_sign_in_and_clears_what_the_browser_has(ana: Visitor) -> None:
    ana.by_passkey()
    stolen = ana.sign_in_cookie or ""
    answer = ana.post("/sign-out")
    assert answer.headers["location"] == "/sign-in?out"
    assert '"storage"' in answer.headers["clear-site-data"]
    assert ana.sign_in_cookie is None
    assert "You are signed out" in ana.get("/sign-in?out").text
    ana.cookies[COOKIE] = stolen
    assert ana.get("/me").status_code == 303


# Attacks


def test_attack_replayed_one_time_code(ana: Visitor) -> None:
    code = ana.codes[0]
    ana.sign_in(code)
    ana.cookies.clear()
    again = ana.sign_in(code)
    assert again.status_code == 403
    assert ana.sign_in_cookie is None


def test_attack_replayed_passkey_answer(ana: Visitor) -> None:
    form = ana.ceremony()
    browser = ana.cookies[BROWSER]
    assert ana.send("/sign-in/passkey", form).status_code == 303
    ana.cookies = {BROWSER: browser}
    again = ana.send("/sign-in/passkey", form)
    assert again.status_code == 403
    assert "used already" in again.text


def test_attack_passkey_answer_in_another_browser(ana: Visitor, console: Console) -> None:
    form = ana.ceremony()
    thief = Visitor(console)
    thief.get("/sign-in")
    thief.post("/sign-in/passkey/options")
    assert thief.send("/sign-in/passkey", form).status_code == 403
    assert thief.sign_in_cookie is None


def test_attack_passkey_of_another_site(ana: Visitor) -> None:
    ana.phone.origin = "https://evil.example"
    assert ana.by_passkey().status_code == 403


def test_attack_fixed_cookie_of_a_sign_in(ana: Visitor) -> None:
    ana.cookies[COOKIE] = "chosen-by-the-attacker"
    ana.sign_in(ana.codes[0])
    first = ana.sign_in_cookie
    assert first not in (None, "chosen-by-the-attacker")
    ana.sign_in(ana.codes[1])
    assert ana.sign_in_cookie not in (None, first)
    ana.cookies[COOKIE] = first or ""
    assert ana.get("/me").status_code == 303


def test_attack_stolen_cookie_is_worthless_after_a_confirmation(ana: Visitor, console: Console) -> None:
    ana.by_passkey()
    thief = Visitor(console)
    thief.cookies[COOKIE] = ana.sign_in_cookie or ""
    assert ana.by_passkey("/confirm").status_code == 303
    assert thief.get("/me").status_code == 303
    assert ana.get("/me").status_code == 200


def test_attack_guessing_is_slowed_with_a_time_in_words(ana: Visitor) -> None:
    for _ in range(FREE_TRIES):
        assert ana.sign_in("1-AAAA-BBBB-CCCC").status_code == 403
    answer = ana.sign_in(ana.codes[0])
    assert answer.status_code == 429
    assert "Wait" in answer.text
    assert "seconds" in answer.text


def test_attack_unknown_handles_are_answered_alike(ana: Visitor) -> None:
    known = ana.sign_in("1-AAAA-BBBB-CCCC", password="x" * 12)
    unknown = ana.sign_in("1-AAAA-BBBB-CCCC", handle="eve", password="x" * 12)
    assert known.status_code == unknown.status_code == 403

    def plain(text: str, handle: str) -> str:
        nonce = text.split('nonce="')[1].split('"')[0]
        return text.replace(nonce, "").replace(f'value="{handle}"', "")

    assert plain(known.text, ana.handle) == plain(unknown.text, "eve")


@pytest.mark.parametrize(
    "handle", ["<script>alert(1)</script>", "\u202eana\u2066", "a" * 10_000, "{{7*7}}", "ana\r\nset-cookie: a=b", "ä"]
)
def test_attack_handles_with_markup_marks_and_length(ana: Visitor, handle: str) -> None:
    answer = ana.sign_in("1-AAAA", handle=handle)
    assert answer.status_code == 403
    assert "<script>alert" not in answer.text
    assert "49" not in answer.text.split('name="handle"')[1][:200]
    assert "a" not in answer.cookies


@pytest.mark.parametrize(
    "target",
    [
        *(
            "https://evil.example/",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "http:evil",
            "javascript:alert(1)",
        ),
        *("/%2f%2fevil.example", "///evil.example", "/sign-in@evil.example", "/\t/evil.example", "/me\r\nx: y"),
        "javascript:alert(1)",
        *("/no-such-page", "/healthz/..//evil", "https:/evil.example", "/ /evil.example", "/.evil.example"),
    ],
)
def test_attack_open_redirects(ana: Visitor, target: str) -> None:
    answer = ana.sign_in(ana.codes[0], **{"return": target})
    assert answer.headers["location"] == "/"


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_attack_sign_in_forged_by_another_site(ana: Visitor, console: Console, site: str) -> None:
    forged = Visitor(console, ana.handle, **{"sec-fetch-site": site})
    answer = forged.sign_in(ana.codes[0])
    assert answer.status_code == 403
    assert forged.sign_in_cookie is None
    assert ana.sign_in(ana.codes[0]).status_code == 303


def test_attack_markup_in_a_browsers_name(ana: Visitor, console: Console) -> None:
    phone = Visitor(console, ana.handle, **{"user-agent": '<b onclick="x">Firefox'})
    assert phone.sign_in(ana.codes[0]).status_code == 303
    assert "<b onclick" not in phone.get("/me").text


# What stays when a sign-in ends, or a confirmation has


def test_nothing_typed_is_lost_when_the_sign_in_has_ended(ana: Visitor) -> None:
    page = ana.post("/me/passkeys", name="<b>blue key</b>", seed="s", answer="")
    assert page.status_code == 401
    assert "what you typed is kept" in page.text
    assert 'name="field.name" value="&lt;b&gt;blue key&lt;/b&gt;"' in page.text


def test_a_form_that_was_interrupted_is_sent_after_the_sign_in(ana: Visitor, console: Console) -> None:
    other = Visitor(console, ana.handle)
    other.sign_in(ana.codes[0])
    fields = {"confirm-path": "/me/sign-ins/end", "field.others": "yes"}
    answer = ana.send("/sign-in/passkey", ana.ceremony() | fields)
    assert (answer.status_code, answer.headers["location"]) == (303, "/me")
    assert other.get("/me").status_code == 303
    assert ana.get("/me").status_code == 200


def test_attack_an_interrupted_form_goes_to_routes_of_ours_alone(ana: Visitor) -> None:
    for path in ("https://evil.example/", "/no-such-page", "//evil.example"):
        assert ana.sign_in(**{"confirm-path": path}).status_code == 400


def test_a_full_body_and_a_broken_form_get_a_sentence(ana: Visitor) -> None:
    for seed, answer in (("", ""), ("x" * 10_000, "{"), ("\u202e", "[" * 20_000)):
        page = ana.post("/sign-in/passkey", seed=seed, answer=answer)
        assert page.status_code == 403
        assert "Begin again" in page.text
