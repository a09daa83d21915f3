"""Words of the page about a tenant's key: its state, the account in groups, the paragraphs of the terms."""

from typing import Any

import msgspec
import pytest

from console.documents.keys import ChangeDocument, KeyDocument, KeyStatus
from console.web.pages.key_words import CHECKS, OUTCOMES, own_key, paragraphs, person_of, spaced
from console.web.states import shown
from shared.domain.jobs import JobState
from shared.domain.key_checks import CHECKS as ALL_CHECKS
from shared.domain.model import KeyMode
from shared.engine.key_management.terms import present_terms

NOW = "2026-11-30T12:00:00.000Z"
CHANGE = ChangeDocument(
    job="j",
    kind="key-enable",
    state=JobState.RUNNING,
    code=None,
    message=None,
    arn="arn",
    before=None,
    moved=0,
    to_move=0,
    snapshots=0,
    asked_by="person:ana",
    asked_at=NOW,
    ended_at=None,
)
KEY = KeyDocument(
    mode=KeyMode.PROVIDER,
    state=KeyStatus.OK,
    arn="arn",
    since=NOW,
    account="1" * 12,
    data_keys={},
    old_key_free=None,
    code=None,
    message=None,
    checked_at=None,
    warnings=[],
    history=[],
    untrusted=[],
)


@pytest.mark.parametrize(
    ("mode", "change", "label"),
    [
        ("provider", None, "Not enabled"),
        ("provider", {"state": JobState.QUEUED}, "Being enabled"),
        ("customer", {"state": JobState.RUNNING}, "Being enabled"),
        ("provider", {"state": JobState.FAILED}, "Not enabled"),
        ("customer", {"state": JobState.FAILED}, "Not complete"),
        ("customer", {"state": JobState.CANCELLED}, "Not complete"),
        ("customer", {"state": JobState.SUCCEEDED}, "Enabled"),
        ("customer", None, "Enabled"),
        ("customer", {"kind": "key-update", "state": JobState.RUNNING}, "Enabled"),
        ("customer", {"kind": "key-update", "state": JobState.FAILED}, "Enabled"),
    ],
)
def test_nothing_is_called_enabled_before_the_job_that_enables_it_has_ended(
    mode: str, change: dict[str, Any] | None, label: str
) -> None:
    latest = None if change is None else msgspec.structs.replace(CHANGE, **change)
    assert own_key(msgspec.structs.replace(KEY, mode=KeyMode(mode), change=latest)).label == label


def test_every_check_says_what_it_proves_and_every_outcome_has_a_state() -> None:
    assert tuple(CHECKS) == ALL_CHECKS
    kinds = {outcome: shown(word).kind for outcome, word in OUTCOMES.items()}
    assert kinds == {
        "passed": "ok",
        "warned": "warn",
        "failed": "bad",
        "running": "running",
        "stopped": "unknown",
        "waiting": "queued",
    }


def test_the_paragraphs_of_the_terms_have_every_word_of_them() -> None:
    text = present_terms().text
    assert " ".join(paragraphs(text)).split() == text.split()
    assert [each[:2] for each in paragraphs(text)[1:]] == [f"{n}." for n in range(1, 9)]


def test_an_account_is_shown_in_groups_and_an_actor_by_name() -> None:
    assert spaced("111122223333") == "1111 2222 3333"
    assert (person_of("person:ana"), person_of("ada@host"), person_of(None)) == ("ana", "ada@host", "")
