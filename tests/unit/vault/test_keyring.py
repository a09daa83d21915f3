"""Data keys: created with their key object, unwrapped only with their own context, never printed, never pickled."""

import base64
import copy
import json
import pickle
import traceback
from collections.abc import Callable

import msgspec
import pytest

from shared.domain.errors import Alarm, Code, KeyRefused
from shared.domain.model import Purpose
from shared.domain.secret import Secret
from shared.ports.keys import FreshKey
from shared.vault.keyring import DataKey, unwrap
from shared.vault.names import key_object_blob
from shared.vault.sealing import Kind, open_row, seal_row
from tests.unit.vault.parts import ARN, JOB, NOW, TENANT, MemoryKeys, MemoryStore, lease_of, new_data_key

CANARY = b"canary-canary-canary-canary-1234"


def test_creating_a_data_key_stores_the_key_object_and_the_same_row_in_sql() -> None:
    keys, store = MemoryKeys(), MemoryStore()
    key, wrapped = new_data_key(keys, store)
    assert wrapped == msgspec.structs.replace(wrapped, data_key_id=key.id, arn=ARN, generation=1, job_id=JOB)
    key_object = json.loads(store.blobs[key_object_blob(TENANT, key.id, 1)])
    assert key_object == {
        "format": "entrakeep/1",
        "tenant": TENANT,
        "id": key.id,
        "arn": ARN,
        "context": {"tenant": TENANT, "purpose": "backup"},
        "generation": 1,
        "created": NOW.isoformat().replace("+00:00", "Z"),
        "wrapped": base64.b64encode(wrapped.wrapped).decode(),
        "job": JOB,
        "epoch": 1,
    }
    assert unwrap(keys, wrapped).id == key.id


def test_a_refused_creation_stores_nothing() -> None:
    keys, store = MemoryKeys(), MemoryStore()
    keys.trouble = KeyRefused(ARN, "no")
    with pytest.raises(KeyRefused):
        new_data_key(keys, store)
    assert not store.blobs


def test_every_job_and_purpose_has_its_own_data_key() -> None:
    keys, store = MemoryKeys(), MemoryStore()
    data_keys = [new_data_key(keys, store, purpose) for purpose in (Purpose.BACKUP, Purpose.BACKUP, Purpose.SECRETS)]
    assert len({key.id for key, _ in data_keys}) == 3
    assert [wrapped.context["purpose"] for _, wrapped in data_keys] == ["backup", "backup", "secrets"]


def test_a_wrapped_key_of_another_tenant_is_refused_by_its_context() -> None:
    keys, store = MemoryKeys(), MemoryStore()
    _, wrapped = new_data_key(keys, store)
    foreign = msgspec.structs.replace(wrapped, context={**wrapped.context, "tenant": "tenant-b"})
    with pytest.raises(Alarm) as refused:
        unwrap(keys, foreign)
    assert (refused.value.code, refused.value.blob) == (Code.BLOB_DAMAGED, wrapped.data_key_id)


def test_objects_that_hold_a_data_key_do_not_print_it() -> None:
    key, keys = DataKey(Secret(CANARY)), MemoryKeys()
    lease = lease_of(keys, None)
    lease.add(key, new_data_key(keys, MemoryStore())[1])
    row = seal_row(key, TENANT, Kind.SECRET, "row", CANARY)
    texts = [f"{thing!r} {thing}" for thing in (key, FreshKey(Secret(CANARY), b"w", ARN), lease, row)]
    try:
        open_row(lambda _: key, "tenant-b", Kind.SECRET, row)
    except Alarm:
        texts.append(traceback.format_exc())
    assert len(texts) == 5
    for text in texts:
        assert CANARY.decode() not in text
        assert CANARY.hex() not in text


@pytest.mark.parametrize("way", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_data_key_can_be_neither_pickled_nor_copied(way: Callable[[object], object]) -> None:
    with pytest.raises(TypeError):
        way(DataKey(Secret(CANARY)))
