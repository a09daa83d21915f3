"""The page of a schedule: what cron means, what is saved, and who paused it."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from shared.domain.access import Grant, Role
from shared.domain.model import Schedule
from shared.domain.schedule import next_due
from shared.ports.catalog.tenant import TenantCatalog
from tests.contract.console.served import Browser, Console

BERLIN = {"cron": "30 2 * * *", "timezone": "Europe/Berlin"}


@pytest.fixture
def acme(console: Console, request: pytest.FixtureRequest) -> TenantCatalog:
    """Return a tenant of the test's own."""
    return console.world.add(re.sub(r"[^a-z0-9]+", "-", request.node.name)[-40:].strip("-"))


def path_of(acme: TenantCatalog) -> str:
    return f"/t/{acme.tenant().name}/schedule"


def admin(console: Console, acme: TenantCatalog, handle: str | None = None) -> Browser:
    return console.with_grants(Grant(role=Role.ADMIN, tenant_id=acme.tenant_id), handle=handle)


def test_a_tenant_without_a_schedule_says_so_and_offers_one(console: Console, acme: TenantCatalog) -> None:
    text = admin(console, acme).get(path_of(acme)).text
    assert "Nothing backs up this tenant by itself" in text
    assert 'value="0 */6 * * *"' in text
    assert "At minute 0 past every sixth hour" in text
    reader = console.as_("viewer", acme.tenant().name).get(path_of(acme)).text
    assert "Nothing backs up this tenant by itself" in reader
    assert "Save" not in reader


def test_a_saved_schedule_is_the_one_that_beat_uses(console: Console, acme: TenantCatalog) -> None:
    browser = admin(console, acme)
    saved = browser.post(path_of(acme), data=BERLIN)
    assert saved.headers["location"] == f"{path_of(acme)}?done=saved"
    schedule = acme.schedules.get()
    assert schedule is not None
    assert (schedule.cron, schedule.timezone) == ("30 2 * * *", "Europe/Berlin")
    assert schedule.next_due == next_due("30 2 * * *", "Europe/Berlin", datetime.now(UTC))
    text = browser.get(saved.headers["location"]).text
    assert "Saved." in text
    assert "At 02:30 every day" in text
    assert "02:30 does not exist: the backup runs at 03:00." in text
    assert "02:30 occurs twice: a backup runs the first time only." in text
    assert "1 d 6 h" in text  # the target of an RPO
    assert text.count(" 02:30</time>") == 10
    assert "entrakeep schedule set" in text


def test_what_is_typed_can_be_looked_at_before_it_is_saved(console: Console, acme: TenantCatalog) -> None:
    text = admin(console, acme).get(path_of(acme), params={"cron": "0 9 * * 1", "timezone": "UTC"}).text
    assert "At 09:00 on Monday" in text
    assert "The clocks of UTC do not change." in text
    assert acme.schedules.get() is None


@pytest.mark.parametrize(
    ("fields", "field", "sentence"),
    [
        ({"cron": "0 0 30 2 *", "timezone": "UTC"}, "cron", "no month has such a day"),
        ({"cron": "0 0 */31 2 1#2", "timezone": "UTC"}, "cron", "never comes true"),
        ({"cron": "61 * * * *", "timezone": "UTC"}, "cron", "the minute is wrong"),
        ({"cron": '"><script>alert(1)</script>', "timezone": "UTC"}, "cron", "give five fields"),
        ({"cron": "", "timezone": "UTC"}, "cron", "give five fields"),
        ({"cron": "0 * * * *", "timezone": "Europe/Atlantis"}, "timezone", "There is no time zone"),
        ({"cron": "0 * * * *", "timezone": "../../etc/passwd"}, "timezone", "There is no time zone"),
    ],
)
def test_a_schedule_that_is_none_gets_a_sentence_at_its_field_and_stays_typed(
    console: Console, fields: dict[str, str], field: str, sentence: str
) -> None:
    acme = console.world.add(f"bad-{abs(hash(frozenset(fields.items()))) % 10**9}")
    for answer in (
        admin(console, acme).post(path_of(acme), data=fields),
        admin(console, acme).get(path_of(acme), params=fields),
    ):
        assert answer.status_code == 422
        (error,) = re.findall(r'<p class="field-error" id="([a-z]+)-error">(.*?)</p>', answer.text)
        assert error[0] == field
        assert sentence in error[1]
        assert "<script>alert" not in answer.text
        assert fields[field] == "" or f'value="{fields[field].partition(chr(34))[0]}' in answer.text
    assert acme.schedules.get() is None


def test_a_paused_schedule_says_since_when_and_by_whom(console: Console, acme: TenantCatalog) -> None:
    browser = admin(console, acme, "eve")
    browser.post(path_of(acme), data=BERLIN)
    assert browser.post(f"{path_of(acme)}/pause").headers["location"] == f"{path_of(acme)}?done=paused"
    text = browser.get(path_of(acme)).text
    assert re.search(r"Paused since \d{4}-\d\d-\d\d .* by person:eve\.", text)
    assert "Resume" in text
    assert "entrakeep schedule resume" in text
    browser.post(f"{path_of(acme)}/resume")
    schedule = acme.schedules.get()
    assert schedule is not None
    assert not schedule.paused


def test_a_backup_that_is_due_and_waits_is_reported(console: Console, acme: TenantCatalog) -> None:
    due = datetime.now(UTC) - timedelta(minutes=1)
    acme.schedules.set(Schedule(cron="0 * * * *", timezone="UTC", paused=False, next_due=due))
    assert " waits: another backup runs" in admin(console, acme).get(path_of(acme)).text


def test_only_admins_and_operators_change_a_schedule(console: Console, acme: TenantCatalog) -> None:
    for role in ("keys", "restorer", "viewer", "auditor"):
        browser = console.as_(role, acme.tenant().name)
        assert browser.get(path_of(acme)).status_code == 200
        for rest in ("", "/pause", "/resume"):
            assert browser.post(path_of(acme) + rest, data=BERLIN).status_code == 403
    assert acme.schedules.get() is None
    assert console.as_("operator").post(path_of(acme), data=BERLIN).status_code == 303
