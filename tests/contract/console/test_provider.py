"""Signing in to the console through a provider: by invitation alone, and the attacks on the way there and back."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from console.web.auth.ceremony import COOKIE as BROWSER
from shared.domain.access import Grant, Role
from shared.domain.people import Identity
from shared.engine.access import invitations
from tests.contract.console.person import Visitor, hidden, person
from tests.contract.console.served import Console, served_console
from tests.contract.sign_in.issuer import CLIENT_ID, TENANT, Issuer, authority, issuing


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Console, Issuer]]:
    folder = tmp_path_factory.mktemp("console")
    (folder / "secret").write_text("the-secret\n")
    (folder / "authority.pem").write_bytes(authority())
    with issuing() as issuer:
        settings: dict[str, Any] = {
            "oidc_issuer": issuer.url,
            "oidc_client_id": CLIENT_ID,
            "oidc_client_secret_file": folder / "secret",
            "ca_bundle": folder / "authority.pem",
        }
        with served_console(folder, **settings) as console:
            yield console, issuer


@pytest.fixture
def issuer(served: tuple[Console, Issuer]) -> Issuer:
    """Return the provider, which answers well again."""
    issuer = served[1]
    issuer.__dict__.update(Issuer(issuer.origin, clock=lambda: datetime.now(UTC)).__dict__)
    return issuer


@pytest.fixture
def ana(served: tuple[Console, Issuer], issuer: Issuer) -> Visitor:
    """Return the browser of somebody who can sign in by password and passkey, and through the provider as ``ana``."""
    console = served[0]
    visitor = person(console, Grant(role=Role.OPERATOR, tenant_id=None))
    oid = f"aaaaaaaa-bbbb-cccc-dddd-{visitor.handle[-8:]}0000"
    issuer.claims = {"oid": oid}
    person_id = console.world.catalog.people().find(visitor.handle).person_id
    console.world.catalog.ways().add(person_id, Identity(authority=TENANT, subject=oid))
    return visitor


def through(visitor: Visitor, issuer: Issuer, path: str, **changes: str) -> httpx.Response:
    """Go to the provider and come back."""
    left = visitor.get(path)
    assert left.status_code == 302, left.text
    return come_back(visitor, issuer, left.headers["location"], **changes)


def come_back(visitor: Visitor, issuer: Issuer, url: str, **changes: str) -> httpx.Response:
    query = {"code": issuer.authorize(url), "state": parse_qs(urlsplit(url).query)["state"][0]} | changes
    return visitor.get(f"/sign-in/return?{httpx.QueryParams(query)}")


def test_the_button_is_a_link_below_the_passkey(ana: Visitor) -> None:
    text = ana.get("/sign-in?return=/me").text
    assert text.index("Sign in with a passkey") < text.index('href="/sign-in/provider?return=/me"')
    assert "Sign in with Microsoft" in text


def test_a_person_signs_in_through_the_provider_and_comes_back(ana: Visitor, issuer: Issuer) -> None:
    answer = through(ana, issuer, "/sign-in/provider?return=/me")
    assert (answer.status_code, answer.headers["location"]) == (303, "/me")
    assert f"<bdi>{ana.handle}</bdi>" in ana.get("/me").text


def test_a_provider_that_remembers_confirms_nothing(ana: Visitor, issuer: Issuer) -> None:
    through(ana, issuer, "/sign-in/provider")
    page = ana.post("/me/codes")
    assert page.status_code == 403
    assert "Confirm with Microsoft" in page.text


def test_nobody_is_made_by_signing_in(served: tuple[Console, Issuer], issuer: Issuer) -> None:
    stranger = Visitor(served[0])
    before = len(served[0].world.catalog.people().all(datetime.now(UTC)))
    page = through(stranger, issuer, "/sign-in/provider")
    assert page.status_code == 403
    assert "invitation" in page.text
    assert stranger.sign_in_cookie is None
    assert len(served[0].world.catalog.people().all(datetime.now(UTC))) == before


def test_an_invitation_binds_the_account_and_no_address(served: tuple[Console, Issuer], issuer: Issuer) -> None:
    catalog = served[0].world.catalog
    bob = catalog.people().add("b0b00000-0000-4000-8000-000000000001", "bob")
    invited = invitations.invite(catalog, "ana", bob, datetime.now(UTC))
    visitor = Visitor(served[0])
    page = visitor.post("/invitation", code=invited.code)
    link = page.text.split('href="/invitation/provider?')[1].split('"')[0]
    assert invited.code not in link
    issuer.claims = {"oid": "00000000-bbbb-cccc-dddd-eeeeeeeeeeee", "email": "someone@else.example"}
    assert through(visitor, issuer, f"/invitation/provider?{link}").status_code == 303
    assert "<bdi>bob</bdi>" in visitor.get("/me").text
    other = Visitor(served[0])
    assert through(other, issuer, "/sign-in/provider").status_code == 303
    assert "<bdi>bob</bdi>" in other.get("/me").text
    late = other.get(f"/invitation/provider?{link}")
    assert late.status_code == 422
    assert "Code of the invitation" in late.text


def test_attack_taking_an_account_that_belongs_to_another_person(ana: Visitor, issuer: Issuer) -> None:
    eve = person(ana.console)
    eve.sign_in()
    answer = through(eve, issuer, "/me/provider")
    assert answer.status_code == 409
    assert "PERSON_EXISTS" in answer.text
    assert through(ana, issuer, "/sign-in/provider").status_code == 303
    assert f"<bdi>{ana.handle}</bdi>" in ana.get("/me").text


def test_attack_replayed_state(ana: Visitor, issuer: Issuer) -> None:
    left = ana.get("/sign-in/provider").headers["location"]
    browser = ana.cookies[BROWSER]
    assert come_back(ana, issuer, left).status_code == 303
    ana.cookies = {BROWSER: browser}
    page = come_back(ana, issuer, left)
    assert page.status_code == 403
    assert "used already" in page.text
    assert ana.sign_in_cookie is None


def test_attack_answer_of_the_provider_in_another_browser(
    ana: Visitor, served: tuple[Console, Issuer], issuer: Issuer
) -> None:
    left = ana.get("/sign-in/provider").headers["location"]
    victim = Visitor(served[0])
    victim.get("/sign-in/provider")
    page = come_back(victim, issuer, left)
    assert page.status_code == 403
    assert victim.sign_in_cookie is None


@pytest.mark.parametrize("state", ["", "invented", "../../x", "\u202e"])
def test_attack_invented_state(ana: Visitor, issuer: Issuer, state: str) -> None:
    left = ana.get("/sign-in/provider").headers["location"]
    assert come_back(ana, issuer, left, state=state).status_code == 403
    assert come_back(ana, issuer, left).status_code == 303


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "another"},
        {"aud": "another"},
        {"tid": "99999999-2222-3333-4444-555555555555"},
        {"iss": "https://login.example"},
        {"exp": 1},
        {"oid": None},
    ],
    ids=str,
)
def test_attack_bad_tokens_sign_nobody_in_and_get_a_sentence(
    ana: Visitor, issuer: Issuer, claims: dict[str, Any]
) -> None:
    issuer.claims = issuer.claims | claims
    page = through(ana, issuer, "/sign-in/provider")
    assert page.status_code == 403
    assert "The sign-in provider" in page.text
    assert "Sign in with a passkey" in page.text
    assert ana.sign_in_cookie is None


@pytest.mark.parametrize("error", ["access_denied", "<script>alert(1)</script>"])
def test_an_error_of_the_provider_is_shown_in_our_words(ana: Visitor, issuer: Issuer, error: str) -> None:
    left = ana.get("/sign-in/provider").headers["location"]
    page = come_back(ana, issuer, left, code="", error=error)
    assert page.status_code == 403
    assert "Microsoft did not sign you in" in page.text
    assert ("access_denied" in page.text) == (error == "access_denied")
    assert "<script>alert" not in page.text


def test_while_the_provider_is_down_the_page_says_so_and_other_ways_work(ana: Visitor, issuer: Issuer) -> None:
    issuer.token_answer = (503, b"busy")
    page = through(ana, issuer, "/sign-in/provider")
    assert page.status_code == 403
    assert page.text.index("The sign-in provider") < page.text.index("Sign in with a passkey")
    assert ana.by_passkey().status_code == 303


def test_a_fresh_sign_in_at_the_provider_confirms_in_another_tab(ana: Visitor, issuer: Issuer) -> None:
    through(ana, issuer, "/sign-in/provider")
    waiting = ana.post("/me/ways/remove", means="password")
    assert 'target="_blank"' in waiting.text
    too_early = ana.send("/confirm", {"elsewhere": "yes", "confirm-path": "/me/ways/remove", "field.means": "password"})
    assert too_early.status_code == 403
    assert "not confirmed in the other tab yet" in too_early.text
    assert 'name="field.means" value="password"' in too_early.text
    issuer.claims = issuer.claims | {"auth_time": int(datetime.now(UTC).timestamp())}
    before = ana.sign_in_cookie
    page = through(ana, issuer, "/confirm/provider")
    assert "Close this tab" in page.text
    assert ana.sign_in_cookie != before
    done = ana.send("/confirm", {"elsewhere": "yes", "confirm-path": "/me/ways/remove", "field.means": "password"})
    assert (done.status_code, done.headers["location"]) == (303, "/me")
    assert "Set a password" in ana.get("/me").text


def test_a_form_that_came_after_the_sign_in_goes_on_after_a_sign_in_in_another_tab(
    ana: Visitor, issuer: Issuer
) -> None:
    page = ana.send("/me/sign-ins/end", {"others": "yes"})
    assert page.status_code == 401
    assert 'target="_blank"' in page.text
    too_early = ana.send("/sign-in/elsewhere", hidden(page))
    assert too_early.status_code == 403
    assert hidden(too_early)["field.others"] == "yes"
    through(ana, issuer, "/sign-in/provider")
    assert ana.send("/sign-in/elsewhere", hidden(too_early)).headers["location"] == "/me"


def test_attack_confirming_with_an_old_session_or_another_account(ana: Visitor, issuer: Issuer) -> None:
    through(ana, issuer, "/sign-in/provider")
    issuer.claims = issuer.claims | {"auth_time": int(datetime.now(UTC).timestamp()) - 3600}
    assert "did not ask you to sign in again" in through(ana, issuer, "/confirm/provider").text
    issuer.claims = {"auth_time": int(datetime.now(UTC).timestamp())}
    assert "another person" in through(ana, issuer, "/confirm/provider").text
    assert ana.post("/me/codes").status_code == 403


def test_a_further_account_is_connected_after_a_confirmation(ana: Visitor, issuer: Issuer) -> None:
    through(ana, issuer, "/sign-in/provider")
    assert ana.get("/me/provider").status_code == 403
    assert ana.by_passkey("/confirm").status_code == 303
    issuer.claims = {"oid": f"11111111-bbbb-cccc-dddd-{ana.handle[-8:]}0000"}
    assert through(ana, issuer, "/me/provider").headers["location"] == "/me"
    assert "11111111-bbbb" in ana.get("/me").text
