"""Notices: addresses that are taken, texts that are harmless everywhere, and which event causes which notice."""

from datetime import UTC, datetime

import pytest

from shared.domain.audit import Action
from shared.domain.backup_health import BackupState
from shared.domain.errors import Code, Refuse
from shared.domain.jobs import JobKind, JobState
from shared.domain.key_health import WELL, KeyCondition, KeyWarning
from shared.domain.notice_addresses import checked
from shared.domain.notice_sources import of_audit, of_backup, of_completeness, of_job_end, of_key
from shared.domain.notices import (
    CHOICES,
    LABELS,
    OF_INSTALLATION,
    Notice,
    NoticeKind,
    TargetKind,
    choices,
    chosen,
    harmless,
    label,
    subject_of,
    text_of,
)
from tests.pages import TOP

NOTICE = Notice(
    id="n1",
    notice="key.refused",
    tenant="acme",
    tenant_id="t",
    at=datetime(2026, 5, 1, 12, 0, tzinfo=UTC),
    message="The KMS key arn:aws:kms:eu-central-1:111122223333:key/one is disabled.",
    code="KEY_ACCESS_REVOKED",
    detail={"key": "arn:aws:kms:eu-central-1:111122223333:key/one"},
)


@pytest.mark.parametrize(
    ("kind", "address", "place"),
    [
        ("mail", "ops@example.com", "ops@example.com"),
        ("mail", " ops+night@mail.example.com\n", "ops+night@mail.example.com"),
        ("mail", "mailtos://ana:s3cr3t@smtp.example.com?to=ops@example.com", "mail through smtp.example.com"),
        ("webhook", "https://hooks.example.com:8443/a/s3cr3t?token=s3cr3t", "https://hooks.example.com:8443"),
        ("chat", "https://hooks.slack.com/services/T1/B1/s3cr3t", "Slack"),
        ("chat", "https://contoso.webhook.office.com/webhookb2/s3cr3t", "Microsoft Teams"),
        ("chat", "slack://T1JJ3T3L2/A1BRTD4JD/s3cr3t", "Slack"),
        ("chat", "mmosts://chat.example.com/s3cr3t", "Mattermost at chat.example.com"),
    ],
)
def test_an_address_is_taken_and_shown_without_its_secret(kind: str, address: str, place: str) -> None:
    assert checked(TargetKind(kind), address, "tenant") == (address.strip(), place)


@pytest.mark.parametrize(
    ("kind", "address"),
    [
        ("mail", ""),
        ("mail", "s3cr3t"),
        ("mail", "ops@example.com,eve@example.com"),
        ("mail", "ops@example.com\r\nBcc: eve@example.com"),
        ("mail", "mailto://s3cr3t@host?to=a@b.c&pgpkey=/etc/passwd"),
        ("mail", "json://host/s3cr3t"),
        ("webhook", "http://hooks.example.com/s3cr3t"),
        ("webhook", "http://127.0.0.1/s3cr3t"),
        ("webhook", "https://ana:s3cr3t@hooks.example.com/"),
        ("webhook", "https:///s3cr3t"),
        ("webhook", "https://host:99999/s3cr3t"),
        ("webhook", "file:///etc/passwd"),
        ("chat", "https://hooks.slack.com.evil.example/s3cr3t"),
        ("chat", "syslog://localhost/s3cr3t"),
        ("chat", "dbus://s3cr3t"),
        ("chat", "mmost://chat.example.com/s3cr3t"),
        ("chat", "slack://a/b/s3cr3t?verify=no"),
        ("chat", "workflows://host/s3cr3t/b?template=/etc/passwd"),
        ("chat", "slack://a/b/" + "s3cr3t" * 400),
    ],
)
def test_an_address_that_is_not_taken_is_refused_without_repeating_it(kind: str, address: str) -> None:
    with pytest.raises(Refuse) as caught:
        checked(TargetKind(kind), address, "tenant")
    assert caught.value.code is Code.WRONG_USE
    assert "s3cr3t" not in caught.value.message


def test_a_webhook_of_the_installation_may_be_on_loopback() -> None:
    assert checked(TargetKind.WEBHOOK, "http://127.0.0.1:9000/x", None).place == "http://127.0.0.1:9000"


def test_a_choice_keeps_the_usual_order_and_no_choice_means_all() -> None:
    assert chosen(["backup.failed", "key.refused"], "t") == (NoticeKind.KEY_REFUSED, NoticeKind.BACKUP_FAILED)
    assert chosen([], None) == CHOICES
    assert chosen([], "t") == choices("t")
    for wrong, tenant_id in (("test", None), ("person.changed", "t"), ("<b>", None)):
        with pytest.raises(Refuse):
            chosen([wrong], tenant_id)


def test_texts_have_what_happened_and_no_markup() -> None:
    assert subject_of(NOTICE) == "Entrakeep: Key refused - acme"
    lines = text_of(NOTICE).split("\n")
    assert lines[0] == NOTICE.message
    assert {"Tenant: acme", "Code: KEY_ACCESS_REVOKED", "Time: 2026-05-01 12:00:00 UTC", "Notice: n1"} <= set(lines)
    assert harmless('<a href="https://x">@here</a>\u202e\n', 99) == '?a href="https: //x"??here?/a???'
    assert label("made.later") == "made.later"


def test_the_page_names_every_notice() -> None:
    page = (TOP / "docs" / "notices.md").read_text()
    for kind in CHOICES:
        assert f"| `{kind.value}` |" in page
        assert LABELS[kind]
    for line in page.splitlines():
        if line.startswith("| `") and any(f"`{kind.value}`" in line for kind in CHOICES):
            assert ("(installation)" in line) == any(f"`{kind.value}`" in line for kind in OF_INSTALLATION)


def test_a_key_is_refused_warns_or_answers() -> None:
    warning = KeyWarning(warning="deletion", message="It will be deleted.")
    assert of_key(KeyCondition.REVOKED, None, "Disabled.", "a", [warning]).kind is NoticeKind.KEY_REFUSED
    assert of_key(KeyCondition.OK, None, WELL, "a", []).kind is NoticeKind.KEY_ANSWERS
    warned = of_key(KeyCondition.OK, None, WELL, "a", [warning])
    assert (warned.kind, warned.message) == (NoticeKind.KEY_WARNS, f"{WELL} It will be deleted.")
    for condition in (KeyCondition.UNREACHABLE, KeyCondition.MISCONFIGURED, KeyCondition.DAMAGED):
        assert of_key(condition, None, "Trouble.", "a", []).kind is NoticeKind.KEY_WARNS


def test_each_state_of_backups_has_a_notice() -> None:
    assert len({of_backup(state, None, "…", None).kind for state in BackupState}) == len(BackupState)


def test_a_snapshot_is_less_complete_only_if_it_lacks_something_new() -> None:
    assert of_completeness("j", "s", {"users"}, {"users"}) is None
    assert of_completeness("j", "s", {"users", "groups"}, {"users"}) is None
    less = of_completeness("j", "s", {"users"}, {"users", *(f"r{n}" for n in range(7))})
    assert less is not None
    assert "7 resources" in less.message
    assert "and others" in less.message
    assert less.detail == {"job": "j", "snapshot": "s", "lacking": 8}


def test_damage_is_reported_for_every_kind_of_job() -> None:
    for kind in (JobKind.BACKUP, JobKind.DOWNLOAD, JobKind.VERIFY):
        assert of_job_end(kind, "j", JobState.FAILED, Code.BLOB_MISSING, {}) is not None
        assert of_job_end(kind, "j", JobState.FAILED, Code.GRAPH_FORBIDDEN, {}) is None
    assert of_job_end(JobKind.VERIFY, "j", JobState.SUCCEEDED, None, {"damaged": 0}) is None
    found = of_job_end(JobKind.VERIFY, "j", JobState.FAILED, None, {"damaged": 2})
    assert found is not None
    assert found.detail["damaged"] == 2


def test_an_event_of_the_audit_trail_names_who_and_whom() -> None:
    happening = of_audit(
        Action.GRANT_GIVEN, "person:ana", {"person": "p"}, {"handle": "bob", "role": "keys", "reason": ""}
    )
    assert happening is not None
    assert (happening.kind, happening.detail) == (
        NoticeKind.ROLE_CHANGED,
        {"person": "p", "handle": "bob", "role": "keys", "by": "person:ana"},
    )
    assert of_audit(Action.BACKUP_ASKED, "x", {}, {}) is None
    ended = of_audit(Action.RESTORE_ENDED, "w", {"job": "j"}, {"state": "failed", "code": "BUSY"})
    assert ended is not None
    assert (ended.code, ended.detail) == (Code.BUSY, {"job": "j", "state": "failed", "by": "w"})


def test_all_ways_to_change_access_are_reported() -> None:
    silent = {Action.SIGN_IN_BEGUN, Action.SIGN_IN_ENDED, Action.SIGN_IN_SLOWED}
    about_access = [each for each in Action if each.value.split(".")[0] in ("person", "grant", "way", "codes", "token")]
    assert all(of_audit(each, "x", {}, {}) is not None for each in about_access)
    assert all(of_audit(each, "x", {}, {}) is None for each in silent)
