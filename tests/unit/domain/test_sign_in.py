"""Warnings of an expiring client secret or certificate start thirty days before and continue afterwards."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from shared.domain.model import KeyMode, Tenant
from shared.domain.sign_in import expiry_sentence, restore_expiry_sentence

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def tenant(expires_at: datetime | None) -> Tenant:
    return Tenant(
        tenant_id="t",
        name="contoso",
        directory_id="d",
        client_id="c",
        created_at=NOW,
        key_mode=KeyMode.PROVIDER,
        key_arn="arn",
        key_epoch=1,
        sign_in_expires_at=expires_at,
    )


@pytest.mark.parametrize(
    ("after", "phrase"),
    [
        (timedelta(days=31), None),
        (timedelta(days=30), None),
        (timedelta(days=29, hours=23), "expires on 2026-05-31"),
        (timedelta(days=1), "expires on 2026-05-02"),
        (timedelta(0), "has expired on 2026-05-01"),
        (timedelta(days=-9), "has expired on 2026-04-22"),
    ],
)
def test_warnings_of_an_expiring_sign_in_start_thirty_days_before(after: timedelta, phrase: str | None) -> None:
    sentence = expiry_sentence(tenant(NOW + after), NOW)
    if phrase is None:
        assert sentence is None
    else:
        assert sentence is not None
        assert phrase in sentence
        assert "'entrakeep tenant update contoso'" in sentence
    restoring = msgspec.structs.replace(tenant(None), restore_expires_at=NOW + after)
    sentence = restore_expiry_sentence(restoring, NOW)
    assert (sentence is not None) is (phrase is not None)
    assert sentence is None or (
        phrase is not None and phrase in sentence and "--restore-client-secret-file" in sentence
    )


def test_an_unknown_expiry_causes_no_warning() -> None:
    assert expiry_sentence(tenant(None), NOW) is restore_expiry_sentence(tenant(None), NOW) is None
