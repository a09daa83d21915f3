"""The pages of people: who gets in, which roles they get, and what an admin of one tenant does not see of others."""

import re
from html import unescape

import pytest

from console.web.visitor import COOKIE
from shared.domain.access import Grant, Role
from shared.domain.people import Identity, Means
from tests.contract.console.person import Visitor, person
from tests.contract.console.served import Console


@pytest.fixture(scope="module")
def tenants(console: Console) -> dict[str, str]:
    return {name: console.world.add(name).tenant_id for name in ("acme", "other")}


@pytest.fixture
def operator(console: Console, tenants: dict[str, str]) -> Visitor:
    visitor = person(console, Grant(role=Role.OPERATOR, tenant_id=None), passkey=False)
    visitor.sign_in()
    return visitor


@pytest.fixture
def admin(console: Console, tenants: dict[str, str]) -> Visitor:
    visitor = person(console, Grant(role=Role.ADMIN, tenant_id=tenants["acme"]), passkey=False)
    visitor.sign_in()
    return visitor


def code_in(page: str) -> str:
    match = re.search(r"/invitation#([\w-]+)", unescape(page))
    assert match is not None
    return match[1]


def test_an_operator_invites_and_the_invited_person_makes_a_passkey(operator: Visitor, console: Console) -> None:
    page = operator.send("/people", {"handle": "Bob@contoso.com", "role": "operator", "reason": "INC-4411"})
    code = code_in(page.text)
    bob = Visitor(console, "bob@contoso.com")
    assert "Welcome" not in bob.get("/invitation").text
    chosen = bob.post("/invitation", code=code)
    assert "Welcome, <bdi>bob@contoso.com</bdi>" in chosen.text
    assert code not in str(chosen.url)
    assert bob.by_passkey("/invitation/passkey", "create", code=code).status_code == 303
    assert "bob@contoso.com" in bob.get("/me").text
    text = operator.get("/people/bob%40contoso.com").text
    assert "INC-4411" in text
    assert "a passkey" in text


def test_an_invited_person_chooses_a_password_and_gets_ten_codes(operator: Visitor, console: Console) -> None:
    code = code_in(operator.send("/people", {"handle": "carol", "role": "operator"}).text)
    carol = Visitor(console, "carol")
    short = carol.post("/invitation/password", code=code, password="short")
    assert short.status_code == 422
    assert "12 to 256 characters" in short.text
    page = carol.post("/invitation/password", code=code, password="correct horse battery")
    carol.codes = re.findall(r"\d+-(?:[0-9A-Z]{4}-?){3,4}", page.text)
    assert len(set(carol.codes)) == 10
    assert "carol" in page.text
    carol.cookies.clear()
    assert carol.sign_in().status_code == 303


def test_attack_replayed_invitation(operator: Visitor, console: Console) -> None:
    code = code_in(operator.send("/people", {"handle": "dave", "role": "operator"}).text)
    dave, thief = Visitor(console), Visitor(console)
    form = thief.ceremony("/invitation/passkey", "create", code=code)
    assert dave.by_passkey("/invitation/passkey", "create", code=code).status_code == 303
    late = thief.send("/invitation/passkey", form)
    assert late.status_code == 422
    assert "used" in late.text
    assert thief.sign_in_cookie is None
    assert thief.post("/invitation", code=code).status_code == 422


@pytest.mark.parametrize("code", ["", "x", "<script>", "a" * 10_000, "\u202e"])
def test_attack_invented_invitations(operator: Visitor, console: Console, code: str) -> None:
    thief = Visitor(console)
    assert thief.post("/invitation", code=code).status_code in (200, 422, 429)
    assert thief.post("/invitation/password", code=code, password="correct horse battery").status_code in (422, 429)
    assert thief.sign_in_cookie is None


def test_an_admin_lends_a_role_in_the_own_tenant_and_takes_it(admin: Visitor, console: Console) -> None:
    bob = person(console, passkey=False)
    answer = admin.send("/t/acme/people", {"handle": bob.handle, "role": "restorer", "lent": "8h", "reason": "drill"})
    assert answer.headers["location"] == f"/t/acme/people/{bob.handle}"
    text = admin.get(answer.headers["location"]).text
    assert "in 7 h" in text
    assert "drill" in text
    taken = admin.send(f"/t/acme/people/{bob.handle}/roles", {"role": "restorer", "take": "yes"})
    assert taken.headers["location"] == "/t/acme/people"
    assert bob.handle not in admin.get("/t/acme/people").text


def test_a_role_that_was_taken_no_longer_counts(admin: Visitor, console: Console, tenants: dict[str, str]) -> None:
    bob = person(console, Grant(role=Role.VIEWER, tenant_id=tenants["acme"]), passkey=False)
    bob.sign_in()
    assert bob.get("/t/acme").status_code == 200
    admin.send(f"/t/acme/people/{bob.handle}/roles", {"role": "viewer", "take": "yes"})
    assert bob.get("/t/acme").status_code == 404


def test_an_admin_sees_nobody_of_another_tenant(admin: Visitor, console: Console, tenants: dict[str, str]) -> None:
    eve = person(console, Grant(role=Role.VIEWER, tenant_id=tenants["other"]), passkey=False)
    assert eve.handle not in admin.get("/t/acme/people").text
    foreign, unknown = admin.get(f"/t/acme/people/{eve.handle}"), admin.get("/t/acme/people/nobody")
    assert foreign.status_code == unknown.status_code == 404
    assert admin.get("/people").status_code == 403


def test_an_admin_cannot_give_what_an_admin_may_not_give(admin: Visitor, console: Console) -> None:
    before = admin.send("/t/acme/people", {"handle": "mallory", "role": "operator"})
    assert before.status_code == 422
    assert admin.send("/t/acme/people", {"handle": "mallory"}).status_code == 422
    assert admin.send("/t/acme/people", {"handle": "mallory", "role": "king"}).status_code == 422
    assert "mallory" not in admin.get("/t/acme/people").text


def test_attack_becoming_somebody_else_by_a_new_invitation(
    admin: Visitor, console: Console, tenants: dict[str, str]
) -> None:
    boss = person(
        console,
        Grant(role=Role.OPERATOR, tenant_id=None),
        Grant(role=Role.VIEWER, tenant_id=tenants["acme"]),
        passkey=False,
    )
    answer = admin.post(f"/t/acme/people/{boss.handle}/invite")
    assert answer.status_code == 422
    assert "/invitation#" not in answer.text


def test_sign_ins_of_others_are_ended(operator: Visitor, console: Console) -> None:
    bob = person(console, passkey=False)
    bob.sign_in()
    assert operator.post(f"/people/{bob.handle}/sign-ins/end").status_code == 303
    assert bob.get("/me").status_code == 303


def test_a_person_is_removed_after_a_confirmation(operator: Visitor, console: Console) -> None:
    bob = person(console, passkey=False)
    bob.sign_in()
    assert operator.post(f"/people/{bob.handle}/remove").headers["location"] == "/people"
    assert bob.get("/me").status_code == 303
    assert bob.handle not in operator.get("/people").text


def test_the_page_warns_while_all_who_may_restore_need_the_protected_directory(console: Console) -> None:
    solo = console.world.add("solo")
    roles = (Role.ADMIN, Role.RESTORER)
    admin = person(console, *(Grant(role=role, tenant_id=solo.tenant_id) for role in roles), passkey=False)
    admin.sign_in()
    assert "signs in through the directory" not in admin.get("/t/solo/people").text
    people, ways = console.world.catalog.people(), console.world.catalog.ways()
    person_id = people.find(admin.handle).person_id
    ways.add(person_id, Identity(authority=console.world.catalog.find("solo").directory_id, subject="oid"))
    ways.remove(person_id, Means.PASSWORD)
    assert "signs in through the directory" in admin.get("/t/solo/people").text


@pytest.mark.parametrize("handle", ["<b>x</b>", "a" * 10_000, "\u202eana", "", "ana bob"])
def test_handles_that_cannot_be_one_are_refused_with_what_was_typed(operator: Visitor, handle: str) -> None:
    page = operator.send("/people", {"handle": handle, "role": "operator", "reason": "<i>why</i>"})
    assert page.status_code == 422
    assert "<b>x</b>" not in page.text
    assert "&lt;i&gt;why&lt;/i&gt;" in page.text


def test_a_passkey_is_removed_but_never_the_last_way_in(operator: Visitor, console: Console) -> None:
    assert operator.by_passkey("/me/passkeys", "create", name="blue key").headers["location"] == "/me"
    odd = operator.post("/me/passkeys/options", name="<script>")
    assert odd.status_code == 400
    assert "A name has" in odd.json()["detail"]
    assert operator.send("/me/ways/remove", {"means": "password"}).headers["location"] == "/me"
    page = operator.get("/me").text
    (identifier,) = re.findall(r'action="/me/passkeys/remove"><input type="hidden" name="id" value="([\w=-]+)"', page)
    refused = operator.send("/me/passkeys/remove", {"id": identifier})
    assert refused.status_code == 422
    assert "LAST_WAY_IN" in refused.text
    assert operator.by_passkey("/confirm").status_code == 303


def test_own_sign_ins_are_listed_and_ended(operator: Visitor, console: Console) -> None:
    phone = Visitor(console, operator.handle, **{"user-agent": "Mozilla/5.0 (Android 14) Firefox/130.0"})
    phone.sign_in(operator.codes.pop())
    page = operator.get("/me").text
    assert "Firefox on Android" in page
    (identifier,) = re.findall(r'name="id" value="([0-9a-f-]{36})"', page)
    assert operator.send("/me/sign-ins/end", {"id": identifier}).status_code == 303
    assert phone.get("/me").status_code == 303
    assert operator.get("/me").status_code == 200


def test_attack_ending_the_sign_in_of_another_person(operator: Visitor, console: Console) -> None:
    bob = person(console, passkey=False)
    bob.sign_in()
    (own,) = console.world.catalog.sign_ins().of_person(
        console.world.catalog.people().find(bob.handle).person_id, console.clock.now()
    )
    operator.send("/me/sign-ins/end", {"id": own.sign_in_id})
    assert bob.get("/me").status_code == 200


def test_new_codes_replace_the_old_and_one_is_typed_to_be_sure(operator: Visitor) -> None:
    old = operator.codes.pop()
    page = operator.post("/me/codes")
    fresh = re.findall(r"\d+-(?:[0-9A-Z]{4}-?){3,4}", page.text)
    assert operator.send("/me/codes/check", {"code": old, "kept": "yes"}).status_code == 422
    assert operator.send("/me/codes/check", {"code": fresh[3].lower(), "kept": "yes"}).headers["location"] == "/me"
    operator.cookies.pop(COOKIE)
    assert operator.sign_in(old).status_code == 403
    assert operator.sign_in(fresh[3]).status_code == 303


def test_a_token_is_made_within_ones_rights_shown_once_and_ended(admin: Visitor) -> None:
    page = admin.get("/me/tokens?tenant=acme").text
    assert 'value="backup.ask"' in page
    assert 'value="content.take"' not in page
    fields = {"tenant": "acme", "name": "nightly", "action": "backup.ask", "days": "30", "networks": "192.0.2.0/24"}
    made = admin.send("/me/tokens", fields)
    (text,) = set(re.findall(r"ek1_[0-9A-Za-z]{49}", made.text))
    listed = admin.get("/me/tokens").text
    assert text not in listed
    assert "nightly" in listed
    assert "nightly" in admin.get("/t/acme/people").text
    (identifier,) = re.findall(r'name="id" value="([0-9a-f-]{36})"', listed)
    assert admin.send("/me/tokens/end", {"id": identifier}).headers["location"] == "/me/tokens"
    assert "nightly" not in admin.get("/me/tokens").text


@pytest.mark.parametrize(
    "change",
    [
        {"action": "content.take"},
        {"action": "key.enable"},
        {"action": ""},
        {"days": "0"},
        {"days": "366"},
        {"days": "nine"},
        {"days": "9" * 5000},
        {"name": "<b>"},
        {"networks": "everywhere"},
    ],
    ids=str,
)
def test_attack_a_token_beyond_its_makers_rights_or_without_an_end(admin: Visitor, change: dict[str, str]) -> None:
    fields = {"tenant": "acme", "name": "mine", "action": "backup.ask", "days": "30"} | change
    answer = admin.send("/me/tokens", fields)
    assert answer.status_code == 422
    assert "ek1_" not in answer.text


def test_a_token_of_a_foreign_tenant_is_answered_like_one_of_an_unknown_tenant(admin: Visitor) -> None:
    answers = [
        admin.send("/me/tokens", {"tenant": name, "name": "x", "action": "backup.ask", "days": "1"})
        for name in ("other", "nowhere")
    ]
    assert [each.status_code for each in answers] == [404, 404]
    assert answers[0].text.replace("other", "") == answers[1].text.replace("nowhere", "")


def test_attack_ending_the_token_of_another_person(admin: Visitor, operator: Visitor, console: Console) -> None:
    operator.send("/me/tokens", {"name": "ops", "action": "fleet.see", "days": "1"})
    (token,) = [each for each in console.world.catalog.tokens().all(console.clock.now()) if each.name == "ops"]
    assert admin.send("/me/tokens/end", {"id": token.token_id}).status_code == 404
    assert admin.send("/me/tokens/end", {"id": "invented"}).status_code == 404
    assert "ops" in operator.get("/me/tokens").text
