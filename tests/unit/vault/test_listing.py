"""Names in the store: those of our blobs, and those that people and tools leave beside them."""

import logging

import pytest

from shared.vault.listing import Form, Listing, form_of, is_id
from shared.vault.names import chunk_blob, head_blob, key_object_blob, manifest_blob
from tests.unit.vault.parts import MemoryStore

TENANT, ID = "0b9e1c6e-0d6c-4b57-8f0c-6a1f3f2d7c11", "5d2f7a90-3b1e-4c8a-9a67-2e4b8c0d1f22"
HASH = "ab" * 32
OURS = {
    chunk_blob(TENANT, ID, HASH): Form.CHUNK,
    manifest_blob(TENANT, ID): Form.MANIFEST,
    key_object_blob(TENANT, HASH, 12): Form.KEY_OBJECT,
    head_blob(TENANT, 99999): Form.HEAD,
    f"{TENANT}/shredded": Form.CERTIFICATE,
    f"{TENANT}/shredding": Form.SHREDDING,
}
STRAYS = [
    "",
    "README",
    ".DS_Store",
    "snapshots/",
    "snapshots/README",
    f"snapshots/{ID} (1)",
    f"snapshots/{ID.upper()}",
    f"snapshots/{ID}/x",
    f"snapshots/{ID}\n",
    "jobs/README",
    f"jobs/{ID}/",
    f"jobs/{ID}/.DS_Store",
    f"jobs/{ID}/{HASH}.sync-conflict",
    f"jobs/copy/{HASH}",
    f"keys/{HASH}/1 (1)",
    f"keys/{HASH}/0",
    f"keys/{HASH}/01",
    f"keys/{HASH}/²",
    f"keys/{HASH}/{'9' * 5000}",
    "keys/short/1",
    "audit/x",
    "audit/-1",
    "shredded/x",
]


@pytest.fixture
def store() -> MemoryStore:
    store = MemoryStore()
    for name in (*OURS, *(f"{TENANT}/{stray}" for stray in STRAYS)):
        store.put(name, b"?")
    return store


def test_names_of_our_blobs_are_recognised_by_their_form(store: MemoryStore) -> None:
    assert {name: form for form, name in Listing(store, TENANT).all()} == OURS
    assert all(form_of("another", name) is None for name in OURS)


def test_each_listing_returns_our_blobs_and_skips_the_rest(store: MemoryStore) -> None:
    listing = Listing(store, TENANT)
    assert (list(listing.manifests()), listing.jobs(), listing.heads()) == ([ID], {ID}, {99999})
    assert list(listing.chunks(ID)) == [chunk_blob(TENANT, ID, HASH)]
    assert list(listing.key_objects()) == list(listing.key_objects(HASH)) == [key_object_blob(TENANT, HASH, 12)]
    assert f"{TENANT}/jobs/copy/" in listing.strays
    assert {f"{TENANT}/snapshots/{ID} (1)", f"{TENANT}/keys/{HASH}/01", f"{TENANT}/audit/x"} < listing.strays


def test_copies_of_key_objects_are_recognised_by_their_content() -> None:
    store = MemoryStore()
    key_object = key_object_blob(TENANT, HASH, 1)
    store.blobs = {
        key_object: b'{"wrapped":"x"}',
        f"{key_object} (1)": b'{"wrapped":"x"}',
        f"{TENANT}/keys/README": b"x",
    }
    assert list(Listing(store, TENANT).copies()) == [f"{key_object} (1)"]


def test_any_number_of_strays_is_logged_in_one_line(store: MemoryStore, caplog: pytest.LogCaptureFixture) -> None:
    listing = Listing(store, TENANT)
    for _ in range(2):
        list(listing.all())
    with caplog.at_level(logging.WARNING):
        reported = listing.report()
    (record,) = caplog.records
    assert len(reported) == len(STRAYS)
    assert record.getMessage().endswith(f"and {len(STRAYS) - 5} more")


def test_a_foreign_blob_name_is_printed_in_one_line() -> None:
    store = MemoryStore()
    store.put(f"{TENANT}/a\x1b[31m\ud800\nb", b"")
    listing = Listing(store, TENANT)
    assert list(listing.all()) == []
    assert listing.report() == [f"{TENANT}/a?[31m??b"]


def test_a_store_without_strays_logs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    listing = Listing(MemoryStore(), TENANT)
    with caplog.at_level(logging.WARNING):
        assert (list(listing.all()), listing.report()) == ([], [])
    assert caplog.records == []


def test_an_id_is_written_in_lower_case() -> None:
    assert [is_id(text) for text in (ID, ID.upper(), f"{ID} ", "", ID[:-1])] == [True, False, False, False, False]
