"""Names in stored bytes: a field that was renamed in Python keeps the name in old blobs and rows."""

import msgspec
import pytest

from shared.vault.format import CheckpointBody, StreamState
from shared.vault.trust_record import TrustRecord


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        (StreamState, {"started_at": "begun", "to_refetch": "again"}),
        (CheckpointBody, {"started_at": "begun", "to_refetch": "again"}),
        (TrustRecord, {"made_at": "at"}),
    ],
    ids=["manifest", "checkpoint", "trust record"],
)
def test_a_renamed_field_is_stored_under_its_original_name(kind: type[msgspec.Struct], names: dict[str, str]) -> None:
    stored = {field.name: field.encode_name for field in msgspec.structs.fields(kind)}
    assert {name: word for name, word in stored.items() if name != word} == names
