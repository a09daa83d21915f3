"""The contract of every blob store: one suite for a folder, S3 over HTTP, and the store in memory that other tests use."""

import errno
import os
import resource
import stat
import tempfile
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn
from urllib.request import Request, urlopen

import boto3
import pytest
from moto.server import ThreadedMotoServer

from shared.adapters.blobs import open_store
from shared.domain.errors import Code, Refuse, StoreTrouble
from shared.ports.blobs import FOR_EVER, BlobStore
from tests.unit.vault.parts import MemoryStore

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def aws(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "111122223333")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    urlopen(Request(f"{endpoint}/moto-api/reset", method="POST")).close()
    boto3.client("s3").create_bucket(Bucket="backups")
    return endpoint


@pytest.fixture(params=["memory", "folder", "s3", "s3-prefix"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    if request.param == "memory":
        return MemoryStore()
    if request.param == "folder":
        return open_store((tmp_path / "a folder" / "store").as_uri())
    request.getfixturevalue("aws")
    return open_store("s3://backups" + ("/some/prefix" if request.param == "s3-prefix" else ""))


def test_get_returns_the_stored_blob_and_none_for_an_absent_name(store: BlobStore) -> None:
    store.put("t/jobs/j/aa", b"\x00\xff" * 1000)
    assert store.get("t/jobs/j/aa") == b"\x00\xff" * 1000
    assert store.get("t/jobs/j/ab") is None
    assert store.get("t/jobs/j/aa/below") is None


def test_a_folder_of_blobs_is_not_a_blob(store: BlobStore) -> None:
    store.put("t/jobs/j", b"x")
    assert store.get("t/jobs") is None


def test_folders_lists_only_segments_with_further_names_below(store: BlobStore) -> None:
    for name in ("a/jobs/j1/x", "a/jobs/j1/y", "a/jobs/j2/x", "a/snapshots/s", "b/keys/k/1", "c"):
        store.put(name, b"x")
    assert store.folders("") == ["a", "b"]
    assert store.folders("a/jobs/") == ["j1", "j2"]
    assert store.folders("a/snapshots/") == store.folders("nobody/") == store.folders("c/") == []


def test_a_second_put_replaces_the_blob(store: BlobStore) -> None:
    store.put("a", b"1")
    store.put("a", b"2")
    assert store.get("a") == b"2"


def test_put_new_never_overwrites(store: BlobStore) -> None:
    assert store.put_new("t/snapshots/s", b"first")
    for content in (b"second", b"first"):
        assert not store.put_new("t/snapshots/s", content)
    assert store.get("t/snapshots/s") == b"first"


def test_one_of_many_concurrent_put_new_calls_wins(store: BlobStore) -> None:
    winners: list[int] = []
    threads = [
        threading.Thread(target=lambda n=n: winners.append(n) if store.put_new("one", b"%d" % n) else None)
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [b"%d" % n for n in winners] == [store.get("one")]


def test_names_are_listed_in_order_below_a_prefix(store: BlobStore) -> None:
    for name in ("t/b", "t/a", "t/a-1", "u/a", "t/c/d"):
        store.put(name, b"x")
    assert list(store.names("t/")) == ["t/a", "t/a-1", "t/b", "t/c/d"]
    assert list(store.names("t/a")) == ["t/a", "t/a-1"]
    assert list(store.names("none")) == []


def test_delete_removes_the_blob_and_may_be_repeated(store: BlobStore) -> None:
    store.put("a/b", b"x")
    store.delete("a/b")
    store.delete("a/b")
    assert store.get("a/b") is None


def test_erase_removes_the_blob_and_may_be_repeated(store: BlobStore) -> None:
    for name in ("a/b", "a/bc"):
        store.put(name, b"x")
    store.erase("a/b")
    store.erase("a/b")
    assert list(store.names("a/", deleted=True)) == list(store.names("a/")) == ["a/bc"]


def test_erase_removes_all_versions_in_a_versioned_bucket(aws: str) -> None:
    s3 = boto3.client("s3")
    s3.put_bucket_versioning(Bucket="backups", VersioningConfiguration={"Status": "Enabled"})
    store = open_store("s3://backups/some")
    for text in (b"1", b"2"):
        store.put("a/b", text)
    store.put("a/bc", b"x")
    for name in ("a/b", "a/bc"):
        store.delete(name)
    assert list(store.names("a/")) == []
    assert list(store.names("a/", deleted=True)) == ["a/b", "a/bc"]
    store.erase("a/b")
    assert list(store.names("", deleted=True)) == ["a/bc"]
    store.erase("a/bc")
    remaining = s3.list_object_versions(Bucket="backups")
    assert remaining.get("Versions", []) == remaining.get("DeleteMarkers", []) == []


def test_locked_until_reports_retention_and_legal_hold(aws: str) -> None:
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="locking", ObjectLockEnabledForBucket=True)
    store, until = open_store("s3://locking/some"), datetime(2040, 1, 2, tzinfo=UTC)
    for name in ("a/free", "a/kept", "a/held"):
        store.put(name, b"x")
    s3.put_object_retention(
        Bucket="locking", Key="some/a/kept", Retention={"Mode": "COMPLIANCE", "RetainUntilDate": until}
    )
    s3.put_object_legal_hold(Bucket="locking", Key="some/a/held", LegalHold={"Status": "ON"})
    locks = {name: store.locked_until(f"a/{name}") for name in ("free", "kept", "held", "absent")}
    assert locks == {"free": None, "kept": until, "held": FOR_EVER, "absent": None}


def test_locked_until_is_none_in_a_store_without_locks(store: BlobStore) -> None:
    store.put("a/b", b"x")
    assert store.locked_until("a/b") is None


@pytest.mark.parametrize("name", ["../x", "/x", "a//b", "a/../b", "", "a/.part-x", ".hidden"])
def test_a_folder_store_rejects_unsafe_names(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="blob's name"):
        open_store(tmp_path.as_uri()).put(name, b"x")


def test_a_folder_store_is_private_and_contains_no_partial_files(tmp_path: Path) -> None:
    store = open_store((tmp_path / "store").as_uri())
    store.put("t/a", b"x")
    store.put_new("t/a", b"y")
    assert stat.S_IMODE((tmp_path / "store").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "store/t/a").stat().st_mode) == 0o600
    assert os.listdir(tmp_path / "store/t") == ["a"]


def test_a_store_url_of_a_file_is_refused_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("not a folder")
    with pytest.raises(Refuse, match="cannot be used") as refusal:
        open_store((tmp_path / "store").as_uri()).put("a/b", b"x")
    assert refusal.value.code is Code.STORE_FORBIDDEN


def test_a_store_without_list_permission_is_refused_rather_than_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(tmp_path.as_uri())
    store.put("t/a", b"x")

    def forbidden(folder: str) -> NoReturn:
        raise PermissionError(errno.EACCES, "Permission denied", folder)

    monkeypatch.setattr(os, "scandir", forbidden)  # file modes do not stop a test that runs as root
    with pytest.raises(Refuse) as refusal:
        store.names("t/")
    assert refusal.value.code is Code.STORE_FORBIDDEN


def test_a_store_that_was_never_written_to_is_empty(tmp_path: Path) -> None:
    assert list(open_store((tmp_path / "store").as_uri()).names("")) == []


@pytest.mark.parametrize(("region", "expected"), [("eu-west-3", "eu-west-3"), (None, "us-east-1")])
def test_a_given_region_overrides_aws_default_region(aws: str, region: str | None, expected: str) -> None:
    assert open_store("s3://backups", region)._client.meta.region_name == expected  # type: ignore[attr-defined]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
def test_a_full_disk_is_reported_and_stored_blobs_stay_intact(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def open_full_device(prefix: str, dir: Path) -> tuple[int, str]:
        part = dir / f"{prefix}x"
        part.touch()
        return os.open("/dev/full", os.O_WRONLY), str(part)

    store = open_store(tmp_path.as_uri())
    store.put("t/a", b"before")
    monkeypatch.setattr(tempfile, "mkstemp", open_full_device)
    assert_full(store, tmp_path)


def test_a_blob_above_the_file_size_limit_reports_a_full_store(tmp_path: Path) -> None:
    store = open_store(tmp_path.as_uri())
    store.put("t/a", b"before")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        assert_full(store, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def assert_full(store: BlobStore, folder: Path) -> None:
    for put in (store.put, store.put_new):
        with pytest.raises(Refuse, match="free some space") as refusal:
            put("t/a", b"x" * 8192)
        assert refusal.value.code is Code.STORE_FULL
    assert store.get("t/a") == b"before"
    assert os.listdir(folder / "t") == ["a"]


def test_a_missing_bucket_is_named(aws: str) -> None:
    with pytest.raises(Refuse, match="no bucket elsewhere") as refusal:
        open_store("s3://elsewhere").put("a", b"x")
    assert refusal.value.code is Code.STORE_FORBIDDEN


def test_an_unreachable_bucket_is_trouble_rather_than_a_refusal(monkeypatch: pytest.MonkeyPatch, aws: str) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    with pytest.raises(StoreTrouble, match="does not answer"):
        open_store("s3://backups").get("a")


@pytest.mark.parametrize("url", ["ftp://x/y", "s3://", "file://elsewhere/x", "backups"])
def test_unsupported_store_urls_are_refused(url: str) -> None:
    with pytest.raises(Refuse, match="s3://bucket/prefix or file:///folder"):
        open_store(url)
