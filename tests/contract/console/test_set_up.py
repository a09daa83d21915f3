"""The first set-up, confirmations, and break-glass over the application."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shared import wiring
from shared.adapters.passkeys import Fido2Passkeys
from shared.domain.access import Grant, Role
from shared.engine.access import set_up
from tests.contract.catalog.test_people import actions
from tests.contract.console.person import WORD, Visitor, hidden, person
from tests.contract.console.served import Console, served_console

CODE = re.compile(r"\d+-(?:[0-9A-Z]{4}-?){3,4}")


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Console]:
    """Serve a console that nobody has set up."""
    with served_console(tmp_path) as console:
        yield console


def new_code(console: Console) -> str:
    code = set_up.new_code(console.world.catalog, datetime.now(UTC))
    assert code is not None
    return code


def test_the_set_up_leads_from_the_code_to_the_command_that_connects_a_directory(empty: Console) -> None:
    ana = Visitor(empty)
    assert "Set up this installation" in ana.get("/sign-in").text
    assert "entrakeep people code" in ana.get("/set-up").text
    code = new_code(empty)
    assert 'aria-current="step">You' in ana.post("/set-up", code=code.lower()).text
    made = ana.by_passkey("/set-up/passkey", "create", code=code, handle="Ana")
    assert made.headers["location"] == "/me/codes?set-up"
    assert 'aria-current="step">Codes' in ana.get("/me/codes?set-up").text
    codes = CODE.findall(ana.post("/me/codes", password=WORD, **{"set-up": "yes"}).text)
    checked = ana.send("/me/codes/check", {"code": codes[0], "kept": "yes", "set-up": "yes"})
    assert checked.headers["location"] == "/set-up/directory"
    fields = "name=contoso&directory=22222222-2222-2222-2222-222222222222&client=11111111-1111-1111-1111-111111111111"
    page = ana.get(f"/set-up/directory?{fields}&kind=secret").text
    assert "entrakeep tenant add contoso --directory-id 22222222-2222-2222-2222-222222222222" in page
    assert "contoso</code> is connected" in page
    empty.world.add("contoso")
    assert 'href="/t/contoso/set-up"' in ana.get(f"/set-up/directory?{fields}&kind=secret").text
    (detail,) = empty.world.catalog.people().all(datetime.now(UTC))
    assert {each.grant.role for each in detail.grants} == set(Role)


def test_without_javascript_a_password_sets_up_and_the_codes_follow(empty: Console) -> None:
    ana = Visitor(empty)
    code = new_code(empty)
    short = ana.post("/set-up/password", code=code, handle="ana", password="short")
    assert short.status_code == 422
    assert 'value="ana"' in short.text
    wrong = ana.post("/set-up/password", code=code, handle="<b>", password=WORD)
    assert wrong.status_code == 422
    assert "A handle has" in wrong.text
    page = ana.post("/set-up/password", code=code, handle="ana", password=WORD)
    codes = list(dict.fromkeys(CODE.findall(page.text)))
    assert len(codes) == 10
    ana.cookies.clear()
    ana.handle = "ana"
    assert ana.sign_in(codes[9]).status_code == 303


def test_at_an_ip_address_passkeys_are_off_and_each_page_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wiring, "passkeys", lambda _: Fido2Passkeys("http://127.0.0.1:8088"))
    with served_console(tmp_path) as console:
        ana = Visitor(console, "ana")
        code = new_code(console)
        pages = [ana.get("/sign-in"), ana.post("/set-up", code=code)]
        ana.codes = CODE.findall(ana.post("/set-up/password", code=code, handle="ana", password=WORD).text)
        for page in (*pages, ana.get("/me"), ana.get("/confirm")):
            assert "an IP address" in page.text or "Use the password and a code" in page.text
            assert "data-passkey" not in page.text


def test_attack_replayed_and_guessed_codes_of_the_set_up(empty: Console) -> None:
    thief = Visitor(empty)
    code = new_code(empty)
    form = thief.ceremony("/set-up/passkey", "create", code=code, handle="eve")
    assert Visitor(empty).post("/set-up/password", code=code, handle="ana", password=WORD).status_code == 200
    assert thief.send("/set-up/passkey", form).status_code == 422
    assert thief.post("/set-up", code=code).status_code == 422
    assert thief.get("/set-up").headers["location"] == "/sign-in"
    assert thief.sign_in_cookie is None
    assert [each.person.handle for each in empty.world.catalog.people().all(datetime.now(UTC))] == ["ana"]


def test_attack_codes_of_the_set_up_are_not_guessed_quickly(empty: Console) -> None:
    thief = Visitor(empty)
    answers = [thief.post("/set-up", code=f"AAAA-{number:04}").text for number in range(7)]
    assert "Wait" in answers[-1]


def test_the_last_step_begins_the_first_backup_and_an_hourly_schedule(console: Console) -> None:
    acme = console.world.add("acme")
    admin = console.as_(Role.ADMIN, "acme")
    assert "Back up each hour from now on" in admin.get("/t/acme/set-up").text
    assert admin.post("/t/acme/set-up", data={"hourly": "yes"}).headers["location"] == "/t/acme/set-up"
    page = admin.get("/t/acme/set-up").text
    assert "Look again" in page
    assert "Ready for a bad day" not in page
    schedule = acme.schedules.get()
    assert schedule is not None
    assert schedule.cron == "0 * * * *"
    console.world.change("jobs", state="succeeded")
    assert "Ready for a bad day" in admin.get("/t/acme/set-up").text


@pytest.fixture
def ana(console: Console) -> Visitor:
    visitor = person(console, Grant(role=Role.OPERATOR, tenant_id=None))
    visitor.sign_in()
    console.world.change("sign_ins", confirmed_at=None)
    return visitor


def test_an_expired_confirmation_in_the_middle_of_a_form_loses_nothing(ana: Visitor) -> None:
    fields = {"handle": "zoe", "role": "operator", "reason": '"quoted" <b> & ä', "lent": "8h"}
    page = ana.send("/people", fields)
    assert page.status_code == 403
    carried = {f"field.{name}": value for name, value in fields.items()} | {"confirm-path": "/people"}
    assert carried.items() <= hidden(page).items()
    done = ana.send("/confirm", ana.ceremony("/confirm") | carried)
    assert done.status_code == 200
    assert "Invitation for <bdi>zoe</bdi>" in done.text
    assert '"quoted"' in ana.get("/people/zoe").text.replace("&#34;", '"')


def test_a_failed_confirmation_keeps_the_form_too(ana: Visitor) -> None:
    page = ana.send("/people", {"handle": "yan", "role": "operator"})
    failed = ana.send("/confirm", hidden(page) | {"password": "wrong", "code": "1-AAAA-BBBB-CCCC"})
    assert failed.status_code == 403
    assert hidden(failed)["field.handle"] == "yan"
    assert "do not fit" in failed.text
    done = ana.send("/confirm", hidden(failed) | {"password": WORD, "code": ana.codes.pop()})
    assert "Invitation for <bdi>yan</bdi>" in done.text


def test_attack_confirming_with_the_passkey_of_another_person(ana: Visitor, console: Console) -> None:
    eve = person(console)
    ana.phone = eve.phone
    page = ana.by_passkey("/confirm")
    assert page.status_code == 403
    assert ana.post("/people").status_code == 403


def test_attack_resuming_an_action_that_the_person_may_not_do(console: Console) -> None:
    bob = person(console)
    bob.sign_in()
    answer = bob.send("/confirm", bob.ceremony("/confirm") | {"confirm-path": "/people", "field.handle": "x"})
    assert answer.status_code == 403
    assert "NOT_ALLOWED" in answer.text


def test_break_glass_is_written_down_and_everybody_sees_it(empty: Console) -> None:
    safe = person(empty, Grant(role=Role.OPERATOR, tenant_id=None), break_glass=True, passkey=False)
    assert safe.sign_in().status_code == 303
    assert f"{safe.handle} signed in" in empty.with_grants().get("/me").text
    assert f"{safe.handle} signed in" not in empty.nobody().get("/sign-in").text
    assert "break-glass.used" in actions(empty.world)
