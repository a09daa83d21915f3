"""The dialog "Update KMS key ARN": every refusal of its fourteen checks, bad input, and two people at once."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.domain.access import Grant, Role
from shared.domain.jobs import JobKind, JobState
from shared.domain.key_checks import CHECKS
from tests.contract.console.key_console import BASE, OWNER, KeyConsole, agree, aws, hidden, key_console, text_of
from tests.contract.console.person import hidden as carried
from tests.contract.console.person import person
from tests.contract.engine.test_key_checks import without
from tests.parts import ACCOUNT, AwsSimulator

__all__ = ["aws"]
KEY_ARN = f"arn:aws:kms:eu-central-1:{OWNER}:key/0f3e5a3c-7c1e-4a3d-9a44-5d2f4b1c8e07"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory, aws: AwsSimulator) -> Iterator[KeyConsole]:
    """Serve the console of a tenant that nobody enables a key for."""
    with pytest.MonkeyPatch.context() as patch, key_console(tmp_path_factory.mktemp("keys"), aws, patch) as console:
        console.tenant.customer_keys.allow()
        yield console


@pytest.fixture
def fresh(tmp_path: Path, aws: AwsSimulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[KeyConsole]:
    """Serve the console of a tenant of its own."""
    with key_console(tmp_path, aws, monkeypatch) as console:
        console.tenant.customer_keys.allow()
        yield console


def bound_to_another(statements: list[dict[str, Any]]) -> None:
    statements[1]["Condition"]["StringEquals"] = {"kms:EncryptionContext:tenant": "another"}


def unbound(statements: list[dict[str, Any]]) -> None:
    del statements[1]["Condition"]["StringEquals"]


def disabled(keys: KeyConsole) -> str:
    arn = keys.engine.key()
    keys.engine.aws.client("kms", OWNER).disable_key(KeyId=arn)
    return arn


def doomed(keys: KeyConsole) -> str:
    arn = keys.engine.key()
    keys.engine.aws.client("kms", OWNER).schedule_key_deletion(KeyId=arn, PendingWindowInDays=7)
    return arn


def replica(keys: KeyConsole) -> str:
    """Return the ARN of a replica in another Region."""
    arn = keys.engine.key(MultiRegion=True)
    keys.engine.aws.client("kms", OWNER).replicate_key(KeyId=arn, ReplicaRegion="eu-west-1")
    return arn.replace("eu-central-1", "eu-west-1")


def flickering(keys: KeyConsole) -> str:
    arn = keys.engine.key()
    match = {"service": "kms", "action": "GenerateDataKey", "key": arn}
    fault = {"what": "error", "code": "AccessDeniedException", "status": 400}
    keys.engine.aws.fault({"match": match, "skip": 1, "times": 1, **fault})
    return arn


REFUSED: dict[str, tuple[str, Callable[[KeyConsole], str], str]] = {
    "other Region": ("region", lambda _: KEY_ARN.replace("eu-central-1", "us-east-1"), "The key is in us-east-1"),
    "replica": ("region", replica, "create the key (or a replica) in eu-central-1"),
    "unknown": ("seen", lambda _: KEY_ARN, "The key does not exist, or its policy does not let account"),
    "unknown alias": ("seen", lambda _: KEY_ARN.rpartition(":")[0] + ":alias/none", "The key does not exist"),
    "not shown": ("seen", lambda keys: keys.engine.key(without("DescribeKey")), f"account {ACCOUNT}"),
    "asymmetric": ("kind", lambda keys: keys.engine.key(KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT"), "RSA_2048"),
    "of AWS": (
        "kind",
        lambda keys: keys.engine.aws.client("kms").describe_key(KeyId="alias/aws/s3")["KeyMetadata"]["Arn"],
        "managed by AWS",
    ),
    "operator's": ("kind", lambda keys: keys.engine.provider, "operator&#39;s own"),
    "disabled": ("state", disabled, "is disabled. Its owner must enable it"),
    "pending": ("state", doomed, "cancel the deletion before 20"),
    "no material": ("state", lambda keys: keys.engine.key(Origin="EXTERNAL"), "no key material"),
    "no make": ("make", lambda keys: keys.engine.key(without("GenerateDataKey")), "kms:GenerateDataKey is missing"),
    "another tenant's": ("make", lambda keys: keys.engine.key(bound_to_another), "does not allow tenant="),
    "no open": ("open", lambda keys: keys.engine.key(without("Decrypt")), "kms:Decrypt is missing"),
    "no into": ("into", lambda keys: keys.engine.key(without("ReEncryptTo")), "kms:ReEncryptTo is missing"),
    "no out": ("out-of", lambda keys: keys.engine.key(without("ReEncryptFrom")), "kms:ReEncryptFrom is missing"),
    "flickering": ("steady", flickering, "The permission comes and goes"),
}


@pytest.mark.parametrize(("check", "key", "words"), REFUSED.values(), ids=REFUSED)
def test_the_first_check_that_fails_stops_with_its_sentence_and_the_policy_beside_it(
    keys: KeyConsole, check: str, key: Callable[[KeyConsole], str], words: str
) -> None:
    arn = key(keys)
    browser = keys.keys()
    address, answer = keys.checked(browser, arn)
    page = answer.text.partition("<dialog")[2].partition("</dialog>")[0]
    assert words in text_of(page)
    assert "Who must act: the owner of the key" in text_of(page)
    at = CHECKS.index(check)
    outcomes = re.findall(r'data-outcome="(\w+)"', page)
    assert outcomes[at] == "failed"
    assert "failed" not in outcomes[:at]
    assert outcomes[at + 1 :] == ["waiting"] * (len(CHECKS) - at - 1)
    assert "EntrakeepMayUseTheKeyForThisTenant" in page
    assert ">Next</button>" in page
    assert browser.post(f"{address}/save").status_code == 422
    assert keys.tenant.customer_keys.acceptances() == []


def test_the_operators_trouble_is_the_operators_to_mend(fresh: KeyConsole) -> None:
    arn = fresh.engine.key()
    fresh.engine.aws.client("kms").disable_key(KeyId=fresh.engine.provider)
    _, answer = fresh.checked(fresh.keys(), arn)
    assert "Who must act: the operator of this installation" in text_of(answer.text)
    assert "Our own access to AWS KMS is broken; nothing was changed." in text_of(answer.text)


def test_trouble_of_kms_is_nobodys_fault_and_the_check_can_be_repeated(fresh: KeyConsole) -> None:
    fresh.engine.limit(key_steady_seconds=0.3, worker_seen_seconds=3600.0, check_retry_seconds=0.5)
    arn = fresh.engine.key()
    fault = {"what": "error", "code": "KMSInternalException", "status": 500}
    fresh.engine.aws.fault({"match": {"service": "kms", "key": arn}, "times": 1000, **fault})
    _, answer = fresh.checked(fresh.keys(), arn)
    page = answer.text.partition("<dialog")[2].partition("</dialog>")[0]
    assert "KEY_UNREACHABLE" in page
    assert ": stopped" in text_of(page)
    assert ">Next</button>" in page
    fresh.engine.aws.clear_faults()


def test_a_policy_that_does_not_bind_the_key_warns_and_may_be_saved(keys: KeyConsole) -> None:
    browser = keys.keys()
    address, answer = keys.checked(browser, keys.engine.key(unbound))
    assert "The policy does not bind the key to this tenant" in text_of(answer.text)
    assert browser.post(f"{address}/save").status_code == 303


def test_an_alias_is_shown_as_the_keys_own_arn_before_it_is_saved(keys: KeyConsole) -> None:
    arn = keys.engine.key()
    keys.engine.aws.client("kms", OWNER).create_alias(AliasName=f"alias/{arn[-12:]}", TargetKeyId=arn)
    alias = f"{arn.rpartition(':')[0]}:alias/{arn[-12:]}"
    browser = keys.keys()
    address, answer = keys.checked(browser, f"\n {alias[:20]}\r\n{alias[20:]} ")
    assert f"KMS key ARN {arn} Alias {alias} AWS account {OWNER}" in text_of(answer.text)
    assert arn in text_of(browser.get(browser.post(f"{address}/save").headers["location"]).text)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("https://contoso.vault.azure.net/keys/backup/0", "This is a key of Azure Key Vault"),
        ("projects/p/locations/l/keyRings/r/cryptoKeys/k", "This is a key of Google Cloud KMS"),
        ("arn:aws:kms:eu-central-1:1:key/x", "This is not the ARN of an AWS KMS key"),
        ('"><b hx-get=x>{{7*7}}', "This is not the ARN of an AWS KMS key"),
        ("\u202e" + "x" * 10_000, "This is not the ARN of an AWS KMS key"),
        ("", "This is not the ARN of an AWS KMS key"),
    ],
    ids=["Azure", "Google", "malformed", "markup", "long", "empty"],
)
def test_text_that_is_no_arn_is_refused_at_the_field_and_kept(keys: KeyConsole, typed: str, words: str) -> None:
    before = len(keys.tenant.jobs.recent())
    for kind in ("enable", "rehearse"):
        answer = keys.keys().post(f"{BASE}/{kind}", data={"arn": typed})
        assert answer.status_code == 422
        assert words in answer.text.partition('id="arn-error"')[2].partition("</p>")[0]
        assert 'aria-invalid="true"' in answer.text
        assert "<b hx-get" not in answer.text
    assert len(keys.tenant.jobs.recent()) == before, "no job was made"


def test_a_rehearsal_changes_nothing_and_offers_nothing_to_save(keys: KeyConsole) -> None:
    address, answer = keys.checked(keys.as_("admin", "contoso"), keys.engine.key(), "rehearse")
    dialog = text_of(answer.text.partition("<dialog")[2].partition("</dialog>")[0])
    assert "14 of 14 checks passed" in dialog
    assert "Nothing was changed." in dialog
    assert "Save" not in dialog
    assert address.startswith(f"{BASE}/rehearse/")


def test_the_checks_appear_one_by_one_and_survive_a_reload(fresh: KeyConsole, monkeypatch: pytest.MonkeyPatch) -> None:
    """htmx gets the list of checks alone; it asks again until the job has ended."""
    browser, arn = fresh.keys(), fresh.engine.key()
    address = browser.post(f"{BASE}/enable", data={"arn": arn}).headers["location"]
    alone = {"hx-request": "true"}
    seen: list[str] = []
    claims = type(fresh.tenant.claims)
    report = claims.report_progress

    def look(self: Any, claim: Any, detail: Any, **values: Any) -> None:
        report(self, claim, detail, **values)
        if claim.kind == JobKind.KEY_CHECK:
            part = browser.get(address, headers=alone).text
            assert "hx-trigger" in part
            assert "<html" not in part
            seen.append(text_of(part.partition('role="status">')[2].partition("</p>")[0]))

    monkeypatch.setattr(claims, "report_progress", look)
    fresh.engine.work()
    assert seen == [f"A worker checks the key: {n} of 14 checks passed." for n in range(1, 15)]
    ended = browser.get(address, headers=alone).text
    assert "hx-trigger" not in ended
    assert "The key is valid" in text_of(browser.get(address).text), "after a reload"


def test_a_stack_that_does_not_run_is_said_beside_the_waiting_checks(fresh: KeyConsole) -> None:
    browser = fresh.keys()
    address = browser.post(f"{BASE}/enable", data={"arn": KEY_ARN}).headers["location"]
    part = browser.get(address, headers={"hx-request": "true"}).text
    assert "STACK_NOT_RUNNING: Beat has not ticked" in text_of(part)
    fresh.engine.work()
    assert "STACK_NOT_RUNNING" not in browser.get(address, headers={"hx-request": "true"}).text, "it has ended"


def test_a_check_of_twenty_minutes_ago_permits_nothing(fresh: KeyConsole) -> None:
    browser = fresh.keys()
    address, _ = fresh.checked(browser, fresh.engine.key())
    form = hidden(browser.get(f"{address}/terms").text)
    finished = fresh.newest().finished_at
    assert finished is not None
    assert "Continue with it" in browser.get(BASE).text
    fresh.engine.change("jobs", finished_at=finished - timedelta(minutes=20))
    assert "Continue with it" not in browser.get(BASE).text
    for answer in (
        browser.post(f"{address}/save"),
        browser.get(f"{address}/terms"),
        browser.post(f"{address}/agree", data=form),
    ):
        assert answer.status_code == 422
        assert "The check ended 20 minutes ago, and is valid for 15." in answer.text
    assert fresh.tenant.customer_keys.acceptances() == []


def test_yes_i_agree_sent_twice_asks_for_one_job(fresh: KeyConsole) -> None:
    browser = fresh.keys()
    address, _ = fresh.checked(browser, fresh.engine.key())
    form = hidden(browser.get(f"{address}/terms").text)
    answers = [browser.post(f"{address}/agree", data=form) for _ in range(2)]
    assert "Continue with it" not in browser.get(BASE).text
    fresh.engine.work()
    answers.append(browser.post(f"{address}/agree", data=form))
    assert [(each.status_code, each.headers["location"]) for each in answers] == [(303, BASE)] * 3
    assert [job.state for job in fresh.tenant.jobs.recent() if job.kind is JobKind.KEY_ENABLE] == [JobState.SUCCEEDED]
    assert len(fresh.tenant.customer_keys.acceptances()) == 1


def test_of_two_people_who_enable_at_once_the_second_gets_a_sentence(fresh: KeyConsole) -> None:
    ana, bob = fresh.keys(), fresh.keys()
    first, second = (fresh.checked(browser, fresh.engine.key())[0] for browser in (ana, bob))
    assert agree(ana, first).status_code == 303
    late = agree(bob, second)
    assert late.status_code == 409
    assert "is changing the key of this tenant already for person:ana" in text_of(late.text)
    fresh.engine.work()
    after = agree(bob, second)
    assert after.status_code == 400
    assert "contoso has a key of its own" in text_of(after.text)
    assert len([job for job in fresh.tenant.jobs.recent() if job.kind is JobKind.KEY_ENABLE]) == 1


def test_an_activation_taken_back_meanwhile_is_refused(fresh: KeyConsole) -> None:
    browser = fresh.keys()
    address, _ = fresh.checked(browser, fresh.engine.key())
    form = hidden(browser.get(f"{address}/terms").text)
    fresh.as_("operator").post(f"{BASE}/take-back")
    answer = browser.post(f"{address}/agree", data=form)
    assert answer.status_code == 403
    assert "ask the operator of this installation" in text_of(answer.text)
    assert "is not activated" in text_of(browser.get(BASE).text)


def test_a_confirmation_in_the_middle_of_the_dialog_goes_on_with_what_was_sent(fresh: KeyConsole) -> None:
    visitor = person(fresh, Grant(role=Role.KEYS, tenant_id=fresh.tenant.tenant_id))
    visitor.by_passkey()
    address, _ = fresh.checked(fresh.keys(), fresh.engine.key())
    fresh.engine.change("sign_ins", confirmed_at=None)
    form = hidden(visitor.get(f"{address}/terms").text)
    asked = visitor.send(f"{address}/agree", form)
    assert (asked.status_code, fresh.tenant.customer_keys.acceptances()) == (403, [])
    assert f"{address}/agree" in asked.text
    answer = visitor.send("/confirm", visitor.ceremony("/confirm") | carried(asked))
    assert (answer.status_code, answer.headers["location"]) == (303, BASE)
    (accepted,) = fresh.tenant.customer_keys.acceptances()
    assert (accepted.accepted_by, accepted.arn) == (f"person:{visitor.handle}", form["arn"])


def test_a_check_of_another_tenant_is_unknown(fresh: KeyConsole) -> None:
    """Its job exists, and the answer does not say so."""
    address, _ = fresh.checked(fresh.keys(), fresh.engine.key())
    fresh.engine.add("fabrikam")
    fresh.engine.context.catalog.tenant(fresh.engine.context.catalog.find("fabrikam").tenant_id).customer_keys.allow()
    browser = fresh.as_("keys", "fabrikam")
    foreign = browser.get(address.replace("/contoso/", "/fabrikam/"))
    assert foreign.status_code == 404
    assert browser.get(address).status_code == 404


def test_the_checks_before_an_update_are_cancelled_and_no_change_begins(fresh: KeyConsole) -> None:
    browser, first = fresh.keys(), fresh.engine.key()
    fresh.enabled(browser, first)
    address = browser.post(f"{BASE}/update", data={"arn": fresh.engine.key()}).headers["location"]
    assert browser.post(f"{address}/cancel").headers["location"] == BASE
    fresh.engine.work()
    assert fresh.tenant.tenant().key_arn == first
    assert not [job for job in fresh.tenant.jobs.recent() if job.kind is JobKind.KEY_UPDATE]
