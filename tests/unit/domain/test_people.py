"""Handles, names, reasons and networks as people type them; how sign-ins confirm and failed tries slow."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import Code, Refuse
from shared.domain.people import (
    CONFIRMED_FOR,
    FREE_TRIES,
    Identity,
    Means,
    SignIn,
    Ways,
    check_handle,
    check_name,
    check_networks,
    check_reason,
    tries_wait,
    within,
)

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
HOSTILE = ("", " ", '"><script>', "a\u202eb", "a\nb", "{{7*7}}", "-a", "ä", "a" * 10_000, "a\x00", "\ud800")


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_handle_or_name_is_refused_with_a_sentence(text: str) -> None:
    for check in (check_handle, check_name):
        with pytest.raises(Refuse) as caught:
            check(text)
        assert caught.value.code is Code.WRONG_USE


def test_a_handle_is_kept_in_lower_case() -> None:
    assert check_handle("Ana.Lovelace@contoso.com") == "ana.lovelace@contoso.com"


def test_a_name_loses_its_outer_spaces() -> None:
    assert check_name("  CI of backups ") == "CI of backups"


@pytest.mark.parametrize("text", ["a\nb", "a\u202eb", "a" * 201])
def test_a_reason_is_one_short_line(text: str) -> None:
    with pytest.raises(Refuse):
        check_reason(text)


def test_a_reason_may_be_in_any_script() -> None:
    assert check_reason(" INC-4411: Ünïcode 🦆 ") == "INC-4411: Ünïcode 🦆"


def test_networks_get_their_usual_form() -> None:
    assert check_networks([" 192.0.2.7/24", "2001:DB8::1"]) == ("192.0.2.0/24", "2001:db8::1/128")
    with pytest.raises(Refuse):
        check_networks(["office"])


@pytest.mark.parametrize(
    ("address", "allowed"),
    [("192.0.2.200", True), ("::ffff:192.0.2.200", True), ("192.0.3.1", False), ("unix", False), ("", False)],
)
def test_an_address_is_compared_with_the_networks(address: str, allowed: bool) -> None:
    assert within(("192.0.2.0/24",), address) is allowed
    assert within((), address)


@given(st.integers(0, 10_000))
def test_waits_after_failed_tries_never_shrink_and_end_at_15_minutes(tries: int) -> None:
    assert tries_wait(tries) <= tries_wait(tries + 1) <= timedelta(minutes=15)


def test_five_tries_are_free_and_waits_then_double() -> None:
    assert [tries_wait(FREE_TRIES + n).total_seconds() for n in (-1, 0, 1, 2, 50)] == [0, 15, 30, 60, 900]


def sign_in(confirmed_at: datetime | None) -> SignIn:
    return SignIn(
        sign_in_id="s",
        means=Means.PASSKEY,
        begun_at=NOW,
        seen_at=NOW,
        expires_at=NOW,
        confirmed_at=confirmed_at,
        address="",
        browser="",
    )


def test_a_confirmation_lasts_five_minutes_and_never_begins_in_the_future() -> None:
    assert not sign_in(None).confirmed(NOW)
    assert sign_in(NOW).confirmed(NOW)
    assert sign_in(NOW).confirmed(NOW + CONFIRMED_FOR - timedelta(microseconds=1))
    assert not sign_in(NOW).confirmed(NOW + CONFIRMED_FOR)
    assert not sign_in(NOW).confirmed(NOW - timedelta(seconds=1))


def test_a_password_is_a_way_in_only_with_a_code() -> None:
    assert Ways(password=True).means() == set()
    assert Ways(codes=3).means() == set()
    assert Ways(password=True, codes=1).means() == {Means.PASSWORD}
    assert Ways(passkeys=1, identities=(Identity(authority="t", subject="o"),)).means() == {
        Means.PASSKEY,
        Means.PROVIDER,
    }
