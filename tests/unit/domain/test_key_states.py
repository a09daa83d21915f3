"""Key states: one sentence for each state, in every output."""

from datetime import UTC, datetime

import pytest

from shared.domain.key_states import advice_on, state_sentence

ARN = "arn:aws:kms:eu-central-1:111122223333:key/1"
DAY = datetime(2026, 12, 24, tzinfo=UTC)


@pytest.mark.parametrize(
    ("state", "deletion", "words", "warning"),
    [
        ("Disabled", None, "is disabled. Its owner must enable it in AWS KMS.", "disabled"),
        ("PendingImport", None, "has no key material. Its owner must import it again.", "no-material"),
        ("Unavailable", None, "is disconnected. Its owner must connect it.", "store-away"),
        ("PendingDeletion", DAY, "must cancel the deletion before 2026-12-24 and enable the key.", "deletion"),
        ("PendingReplicaDeletion", None, "must cancel the deletion and enable the key.", "deletion"),
        ("Creating", None, "is being created or changed (Creating). Wait a minute, then try again.", None),
        ("Unheard", None, "cannot be used in its current state (Unheard). Its owner must fix this.", None),
    ],
)
def test_a_state_has_one_sentence_and_one_warning(
    state: str, deletion: datetime | None, words: str, warning: str | None
) -> None:
    sentence = state_sentence(ARN, state, deletion)
    assert ARN in sentence
    assert sentence.endswith(words)
    assert advice_on(state).warning == warning
