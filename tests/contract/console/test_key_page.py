"""Settings > Enterprise Key Management: what it says in each state, and who may do what there."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from shared.domain.errors import Code
from shared.domain.jobs import Claim, JobKind, JobState, KeyChecks
from shared.domain.key_health import WELL, KeyWarning
from shared.ports.catalog.key_health import ProbeOutcome, ProbeTurn
from tests.contract.console.key_console import BASE, OWNER, KeyConsole, agree, aws, hidden, key_console, text_of
from tests.parts import ACCOUNT, AwsSimulator

__all__ = ["aws"]
POLICY = "What the owner of the key must allow"


@pytest.fixture
def keys(tmp_path: Path, aws: AwsSimulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[KeyConsole]:
    with key_console(tmp_path, aws, monkeypatch) as console:
        yield console


def shown(keys: KeyConsole, path: str = "", role: str = "keys") -> str:
    """Return the words of the page as a person with this role reads them."""
    answer = keys.as_(role, None if role == "operator" else "contoso").get(f"{BASE}{path}")
    assert answer.status_code == 200, answer.text
    return text_of(answer.text)


def test_without_activation_the_page_names_whom_to_ask_and_has_no_fields(keys: KeyConsole) -> None:
    page = keys.keys().get(BASE).text
    main = page.partition("<main")[2].partition("</main>")[0]
    assert "is not activated for contoso: ask the operator of this installation" in text_of(main)
    assert not any(tag in main for tag in ("<input", "<form", "<button", "<dl", "<a "))
    assert keys.keys().get(f"{BASE}/enable").status_code == 403


def test_the_operator_activates_it_and_takes_that_back(keys: KeyConsole) -> None:
    operator = keys.as_("operator")
    assert "Activate for contoso" in shown(keys, role="operator")
    assert operator.post(f"{BASE}/allow").status_code == 303
    assert "Enable Enterprise Key Management" in shown(keys)
    assert "Take the activation back" not in shown(keys)
    assert operator.post(f"{BASE}/take-back").status_code == 303
    assert "is not activated" in shown(keys)
    assert keys.keys().post(f"{BASE}/allow").status_code == 403
    unconfirmed = keys.as_("operator", confirmed=False).post(f"{BASE}/allow")
    assert (unconfirmed.status_code, keys.tenant.customer_keys.allowed()) == (403, None)


def test_the_account_is_shown_in_groups_and_copied_as_twelve_digits(keys: KeyConsole) -> None:
    keys.tenant.customer_keys.allow()
    page = keys.keys().get(BASE).text
    assert (
        f'<code>1111 2222 3333</code><button type="button" class="quiet-button needs-script" data-copy="{ACCOUNT}"'
        in page
    )
    assert f'data-copy="arn:aws:iam::{ACCOUNT}:root"' in page


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ("console", "Switch to policy view"),
        ("statements", "EntrakeepMayUseTheKeyForThisTenant"),
        ("cli", "aws kms put-key-policy --key-id arn:aws:kms:eu-central-1:444455556666:key/"),
        ("cloudformation", "AWS::KMS::Key"),
        ("terraform", "aws_kms_key"),
    ],
)
def test_the_policy_has_five_forms_and_an_arn_typed_once_fills_them(keys: KeyConsole, form: str, words: str) -> None:
    keys.tenant.customer_keys.allow()
    arn = f"arn:aws:kms:eu-central-1:{OWNER}:key/0f3e5a3c-7c1e-4a3d-9a44-5d2f4b1c8e07"
    page = keys.keys().get(BASE, params={"form": form, "arn": f" {arn}\n"}).text
    assert words in text_of(page)
    assert page.count(f"arn={arn.replace(':', '%3A')}") >= 5, "each tab keeps the ARN"
    assert f'value="{arn}"' in page


def test_an_arn_for_the_policy_that_is_none_is_refused_at_its_field(keys: KeyConsole) -> None:
    keys.tenant.customer_keys.allow()
    answer = keys.keys().get(BASE, params={"arn": '"><script>alert(1)</script>'})
    assert answer.status_code == 422
    assert 'aria-describedby="policy-arn-error"' in answer.text
    assert "This is not the ARN of an AWS KMS key" in answer.text
    assert "<script>alert" not in answer.text


def test_workers_that_differ_are_said_and_all_allowed(keys: KeyConsole) -> None:
    keys.tenant.customer_keys.allow()
    scheduler = keys.engine.context.catalog.scheduler()
    scheduler.record_heartbeat("x", 1)
    scheduler.record_identity("x", ACCOUNT, f"arn:aws:iam::{ACCOUNT}:role/other")
    page = shown(keys, "?form=statements")
    assert "The workers differ: they run as 2 principals" in page
    assert f"arn:aws:iam::{ACCOUNT}:role/other" in page.partition(POLICY)[2]


def test_without_a_worker_the_policy_says_what_is_missing(keys: KeyConsole) -> None:
    keys.tenant.customer_keys.allow()
    keys.engine.context.catalog.scheduler().record_heartbeat("w", 0)
    assert "No worker has reported yet which AWS principal it is" in shown(keys)


def test_only_the_role_keys_may_enable_and_the_others_read_why(keys: KeyConsole) -> None:
    keys.tenant.customer_keys.allow()
    for role in ("admin", "viewer"):
        assert "It takes the role keys." in shown(keys, role=role)
        assert keys.as_(role, "contoso").get(f"{BASE}/enable").status_code == 403
        assert keys.as_(role, "contoso").post(f"{BASE}/enable", data={"arn": "x"}).status_code == 403


def test_enabling_shows_its_progress_and_nothing_is_enabled_before_its_end(keys: KeyConsole) -> None:
    keys.tenant.customer_keys.allow()
    browser, arn = keys.keys(), keys.engine.key()
    address, checks = keys.checked(browser, arn)
    assert "The key is valid : it can make, open and move data keys." in text_of(checks.text)
    saved = browser.post(f"{address}/save")
    assert arn in browser.get(saved.headers["location"]).text
    assert "External Cloud Key Management Not enabled" in shown(keys)
    assert agree(browser, address).headers["location"] == BASE
    page = browser.get(BASE).text
    assert "External Cloud Key Management Being enabled" in text_of(page)
    assert f'hx-get="{BASE}?part=change"' in page
    assert '<meta http-equiv="refresh"' in page, "without scripts"
    keys.engine.work()
    after = shown(keys)
    assert "Cloud Key Management Disabled" in after
    assert "External Cloud Key Management Enabled since" in after
    assert "agreed by ana" in after
    assert f"KMS key ARN {arn}" in after
    assert "it opens none of them" in after
    assert "Enable Enterprise Key Management" not in after


def test_the_terms_are_whole_and_recorded_as_shown(keys: KeyConsole) -> None:
    keys.tenant.customer_keys.allow()
    browser = keys.keys()
    address, _ = keys.checked(browser, keys.engine.key())
    page = browser.get(f"{address}/terms").text
    assert "Terms, version 2" in page
    assert "8. The key must be a symmetric key of AWS KMS" in page
    agree(browser, address)
    (accepted,) = keys.tenant.customer_keys.acceptances()
    assert accepted.accepted_by.startswith("person:ana")
    assert accepted.sha256 in page


def test_terms_that_changed_since_they_were_read_are_shown_again(keys: KeyConsole) -> None:
    keys.tenant.customer_keys.allow()
    browser, arn = keys.keys(), keys.engine.key()
    address, _ = keys.checked(browser, arn)
    answer = browser.post(f"{address}/agree", data={"arn": arn, "sha256": "0" * 64})
    assert (answer.status_code, keys.tenant.customer_keys.acceptances()) == (409, [])
    assert "The terms have got a new version" in answer.text


def test_an_update_begins_by_itself_and_says_when_the_key_before_may_be_disabled(keys: KeyConsole) -> None:
    keys.tenant.customer_keys.allow()
    browser, first = keys.keys(), keys.engine.key()
    assert keys.enabled(browser, first).state is JobState.SUCCEEDED
    second = keys.engine.key()
    answer = browser.post(f"{BASE}/update", data={"arn": second})
    assert answer.status_code == 303
    assert "Save" not in text_of(
        browser.get(answer.headers["location"]).text.partition("<dialog")[2].partition("</dialog")[0]
    )
    keys.engine.work()
    assert "the change has begun by itself" in browser.get(answer.headers["location"]).text
    page = shown(keys)
    assert f"KMS key ARN {second}" in page
    assert f"Key before: {first} . keep it" in page
    assert "the last leases end within a minute" in page
    keys.engine.change("tenants", key_free_at=keys.engine.clock.time - timedelta(days=900))
    assert f"Key before: {first} may be disabled : none is under it, each was opened under the new one." in shown(keys)


def test_a_change_that_failed_says_what_stays_under_the_old_key_and_is_retried(keys: KeyConsole) -> None:
    keys.tenant.customer_keys.allow()
    browser, first, second = keys.keys(), keys.engine.key(), keys.engine.key()
    keys.enabled(browser, first)
    match = {"service": "kms", "action": "ReEncrypt", "key": first}
    fault = {"what": "error", "code": "DisabledException", "status": 400}
    keys.engine.aws.fault({"match": match, "skip": 2, "times": 50, **fault})
    browser.post(f"{BASE}/update", data={"arn": second})
    keys.engine.work()
    failed = keys.tenant.customer_keys.summary().changes[0]
    assert (failed.state, failed.code) == (JobState.FAILED, Code.KEY_ACCESS_REVOKED)
    page = shown(keys)
    assert f"1 stay under {first}" in page
    assert "keep it : 1 data key still needs it." in page
    keys.engine.aws.clear_faults()
    assert [browser.post(f"{BASE}/retry").status_code for _ in range(2)] == [303, 303]
    keys.engine.work()
    changes = [job for job in keys.tenant.jobs.recent() if job.kind is JobKind.KEY_UPDATE]
    assert [job.state for job in changes] == [JobState.SUCCEEDED, JobState.FAILED]
    assert browser.post(f"{BASE}/retry").status_code == 400


def test_a_refused_key_says_since_when_why_and_what_its_owner_must_do(keys: KeyConsole) -> None:
    keys.tenant.customer_keys.allow()
    browser, arn = keys.keys(), keys.engine.key()
    keys.enabled(browser, arn)
    keys.engine.aws.client("kms", OWNER).disable_key(KeyId=arn)
    answer = browser.post(f"{BASE}/check")
    assert "A worker asks AWS KMS for the key now" in text_of(browser.get(answer.headers["location"]).text)
    keys.engine.work()
    page = text_of(browser.get(answer.headers["location"]).text)
    assert "AWS KMS refuses the key since" in page
    assert f"The KMS key {arn} is disabled. Its owner must enable it in AWS KMS." in page
    assert "Restore the statement in the key's policy" in page
    assert "What works meanwhile: lists, jobs, schedules" in page
    assert "State of the key revoked" in page
    assert "Update KMS Key ARN KMS refuses the current key" in page
    elsewhere = browser.get("/t/contoso/jobs").text
    assert "The key of contoso is revoked" in text_of(elsewhere), "on every page"
    assert f'action="{BASE}/check"' in elsewhere
    keys.engine.aws.client("kms", OWNER).enable_key(KeyId=arn)
    browser.post(f"{BASE}/check")
    keys.engine.work()
    page = shown(keys)
    assert "The key of contoso answers again since" in page
    assert "refuses the key" not in page
    history = shown(keys, "/history")
    assert history.index("answers again") < history.index("KEY_ACCESS_REVOKED")


def test_the_history_without_a_change_says_what_will_stand_there(keys: KeyConsole) -> None:
    assert "No change yet" in shown(keys, "/history")
    assert "0 of 90 days with trouble" in shown(keys, "/history")


def test_a_scheduled_deletion_is_said_on_every_page_before_it_bites(keys: KeyConsole) -> None:
    message = "The KMS key is to be deleted on 2026-12-07."
    at = datetime(2026, 12, 7, tzinfo=UTC)
    keys.engine.context.catalog.probes().take(0.0, 10, 60.0)
    warning = KeyWarning(warning="deletion", message=message, at=at)
    health = keys.tenant.health.get()
    outcome = ProbeOutcome(
        arn=health.arn, condition=health.condition, code=None, message=WELL, result=health.condition, warnings=[warning]
    )
    keys.tenant.health.note(ProbeTurn(tenant_id=keys.tenant.tenant_id, number=1), outcome, next_in=60, notify=False)
    for path in ("", "/history"):
        assert f"The key of contoso needs attention. {message}" in shown(keys, path)


def test_a_worker_killed_during_the_checks_and_during_the_move_loses_nothing(keys: KeyConsole) -> None:
    """The page shows where the work stands meanwhile; each is one job."""
    keys.tenant.customer_keys.allow()
    keys.engine.back_up()
    browser, arn = keys.keys(), keys.engine.key()
    address = browser.post(f"{BASE}/enable", data={"arn": arn}).headers["location"]
    claims = type(keys.tenant.claims)
    report = claims.report_progress

    class Killed(BaseException):
        pass

    def killed(self: Any, claim: Claim, detail: Any, **values: Any) -> None:
        report(self, claim, detail, **values)
        if isinstance(detail, KeyChecks) and len(detail.checks) == 9:
            raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(claims, "report_progress", killed)
        with pytest.raises(Killed):
            keys.engine.work()
    assert "A worker checks the key: 9 of 14 checks passed." in text_of(browser.get(address).text)
    keys.engine.pass_time(120)
    keys.engine.work()
    assert "The key is valid" in text_of(browser.get(address).text)
    form = hidden(browser.get(f"{address}/terms").text)
    browser.post(f"{address}/agree", data=form)

    def kill(point: str) -> None:
        if point == "key-moved":
            raise Killed

    keys.engine.on_point = kill
    with pytest.raises(Killed):
        keys.engine.work()
    page = shown(keys)
    assert "External Cloud Key Management Being enabled" in page
    assert "Moving data keys:" in page
    assert browser.post(f"{address}/agree", data=form).status_code == 303
    keys.engine.on_point = lambda _: None
    keys.engine.pass_time(120)
    keys.engine.work()
    assert "External Cloud Key Management Enabled" in shown(keys)
    kinds = [job.kind for job in keys.tenant.jobs.recent()]
    assert (kinds.count(JobKind.KEY_CHECK), kinds.count(JobKind.KEY_ENABLE)) == (1, 1)
    assert {key.arn for key in keys.tenant.keys.all()} == {arn}
    assert keys.engine.download() == keys.engine.directory.records()


def test_the_page_takes_at_most_six_queries(keys: KeyConsole) -> None:
    keys.tenant.customer_keys.allow()
    browser = keys.keys()
    keys.enabled(browser, keys.engine.key())
    browser.get(BASE)
    said: list[str] = []
    engine = keys.engine.context.catalog._database._engine  # type: ignore[attr-defined]
    event.listen(engine, "before_cursor_execute", lambda *arguments: said.append(arguments[2]))
    for path in (BASE, f"{BASE}/history"):
        said.clear()
        assert browser.get(path).status_code == 200
        reads = [line for line in said if " FROM " in line.replace("\n", " ") and "tick" not in line]
        assert len(reads) <= 6, reads
