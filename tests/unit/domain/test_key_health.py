"""The result of a probe, and the condition that is reported."""

import pytest

from shared.domain.key_health import NO_NEW_DATA_KEYS, KeyCondition, KeyWarning, next_condition, wait_for
from shared.domain.limits import LIMITS

OK, REVOKED, SILENT, WRONG, DAMAGED = (
    KeyCondition.OK,
    KeyCondition.REVOKED,
    KeyCondition.UNREACHABLE,
    KeyCondition.MISCONFIGURED,
    KeyCondition.DAMAGED,
)


@pytest.mark.parametrize("probe", [REVOKED, WRONG, DAMAGED])
@pytest.mark.parametrize("current", list(KeyCondition))
@pytest.mark.parametrize("previous_probe", [None, *KeyCondition])
def test_a_condition_that_needs_a_person_counts_at_once(
    current: KeyCondition, previous_probe: KeyCondition | None, probe: KeyCondition
) -> None:
    assert next_condition(current, previous_probe, probe) is probe


@pytest.mark.parametrize("current", [OK, REVOKED, WRONG, DAMAGED])
def test_one_missing_answer_is_no_outage_and_two_are(current: KeyCondition) -> None:
    assert next_condition(current, current, SILENT) is current
    assert next_condition(current, SILENT, SILENT) is SILENT


@pytest.mark.parametrize("current", [REVOKED, WRONG, DAMAGED])
def test_one_success_after_a_refusal_may_be_an_error_and_two_are_a_recovery(current: KeyCondition) -> None:
    assert next_condition(current, current, OK) is current
    assert next_condition(current, OK, OK) is OK


def test_a_key_that_answers_again_was_never_revoked() -> None:
    assert next_condition(SILENT, SILENT, OK) is OK
    assert next_condition(OK, SILENT, OK) is OK


def test_a_new_condition_is_probed_again_soon_and_a_refusal_more_often_than_a_lease() -> None:
    assert wait_for(OK, OK, 60, 60, []) == 60
    assert wait_for(OK, SILENT, 60, 60, []) == LIMITS.probe_again_seconds
    assert wait_for(REVOKED, OK, 2, 60, []) == 2
    assert wait_for(REVOKED, REVOKED, 60, 60, []) == 30
    assert wait_for(SILENT, SILENT, 60, 60, []) == 60
    for word, seconds in ((NO_NEW_DATA_KEYS, 30), ("no-way-out", 60)):
        assert wait_for(OK, OK, 60, 60, [KeyWarning(warning=word, message="")]) == seconds
