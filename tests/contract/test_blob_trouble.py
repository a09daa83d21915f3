"""Durability of blob stores, and the meaning of S3 answers: trouble to retry, or a refusal that a person must fix."""

import os
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from botocore.config import Config

from shared.adapters.blobs import open_store
from shared.adapters.blobs.s3 import store as s3
from shared.domain.errors import Code, EntrakeepError, Refuse, StoreTrouble
from shared.ports.blobs import BlobStore
from tests.parts import ACCOUNT, REGION, AwsSimulator, aws_simulator

DATA = b"sealed" * 1000


# -- durability of a folder


@pytest.fixture
def disk_calls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[str, str, int]]:
    """Record each call that changes the disk, in order: its name, the path below the folder, and the file's size then."""
    calls: list[tuple[str, str, int]] = []

    def record(call_name: str, path: str) -> None:
        if path.startswith(str(tmp_path)):
            size = os.stat(path).st_size if os.path.isfile(path) else 0
            part = ".part" if ".part-" in path else os.path.relpath(path, tmp_path)
            calls.append((call_name, part, size))

    def wrap(name: str, path_of: Callable[..., str]) -> None:
        real = getattr(os, name)

        def call(*arguments: object, **more: object) -> object:
            result = real(*arguments, **more)
            record(name, path_of(*arguments))
            return result

        monkeypatch.setattr(os, name, call)

    wrap("fsync", lambda descriptor: os.readlink(f"/proc/self/fd/{descriptor}"))
    wrap("replace", lambda _, target: str(target))
    wrap("link", lambda _, target: str(target))
    wrap("unlink", str)
    wrap("mkdir", lambda path, *_: str(path))
    return calls


@pytest.mark.parametrize(("verb", "rename"), [("put", "replace"), ("put_new", "link")])
def test_put_syncs_the_content_and_then_the_name_before_it_returns(
    tmp_path: Path, disk_calls: list[tuple[str, str, int]], verb: str, rename: str
) -> None:
    store = open_store((tmp_path / "store").as_uri())
    getattr(store, verb)("t/a", DATA)
    calls = [each for each in disk_calls if each[0] != "unlink"]
    assert calls == [
        ("mkdir", "store", 0),
        ("fsync", ".", 0),
        ("mkdir", "store/t", 0),
        ("fsync", "store", 0),
        ("fsync", ".part", len(DATA)),
        (rename, "store/t/a", len(DATA)),
        ("fsync", "store/t", 0),
    ]


def test_delete_syncs_the_folder_so_that_the_blob_stays_deleted(
    tmp_path: Path, disk_calls: list[tuple[str, str, int]]
) -> None:
    store = open_store((tmp_path / "store").as_uri())
    store.put("t/a", DATA)
    disk_calls.clear()
    store.delete("t/a")
    assert ("fsync", "store/t", 0) in disk_calls


# -- answers of S3


@pytest.fixture(scope="module")
def running() -> Iterator[AwsSimulator]:
    with aws_simulator() as simulator:
        simulator.new_bucket("backups")
        yield simulator


@pytest.fixture
def aws(running: AwsSimulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[AwsSimulator]:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", running.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCOUNT)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "any")
    monkeypatch.setenv("AWS_REGION", REGION)
    monkeypatch.setattr(s3, "_CONFIG", s3._CONFIG.merge(Config(retries={"mode": "standard", "total_max_attempts": 1})))
    yield running
    running.clear_faults()


CALLS: dict[str, Callable[[BlobStore], object]] = {
    "put": lambda store: store.put("t/a", DATA),
    "put_new": lambda store: store.put_new("t/a", DATA),
    "get": lambda store: store.get("t/a"),
    "delete": lambda store: store.delete("t/a"),
    "names": lambda store: list(store.names("t/")),
}
every_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


def error_of(call: Callable[[BlobStore], object], url: str = "s3://backups") -> EntrakeepError:
    with pytest.raises(EntrakeepError) as caught:
        call(open_store(url))
    assert caught.value.message.endswith(".")
    return caught.value


@every_call
def test_a_missing_bucket_is_refused_rather_than_empty(aws: AwsSimulator, call: Callable[[BlobStore], object]) -> None:
    error = error_of(call, "s3://elsewhere")
    assert isinstance(error, Refuse)
    assert error.code is Code.STORE_FORBIDDEN
    assert "no bucket elsewhere" in error.message


@every_call
def test_calls_without_credentials_are_refused(
    aws: AwsSimulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, call: Callable[[BlobStore], object]
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "absent"))
    error = error_of(call)
    assert isinstance(error, Refuse)
    assert error.code is Code.STORE_FORBIDDEN
    assert "no AWS credentials" in error.message


@every_call
def test_a_dropped_answer_is_trouble(aws: AwsSimulator, call: Callable[[BlobStore], object]) -> None:
    aws.fault({"match": {"service": "s3"}, "what": "drop"})
    assert isinstance(error_of(call), StoreTrouble)


class Gateway(BaseHTTPRequestHandler):
    """Redirects every request."""

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(302)
        self.send_header("Location", "http://127.0.0.1:9/sign-in")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Log nothing."""


for verb in ("GET", "PUT", "DELETE", "HEAD"):
    setattr(Gateway, f"do_{verb}", Gateway.answer)


@every_call
def test_a_gateway_that_redirects_everything_is_trouble(
    aws: AwsSimulator, monkeypatch: pytest.MonkeyPatch, call: Callable[[BlobStore], object]
) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Gateway) as gateway:
        serving = threading.Thread(target=gateway.serve_forever)
        serving.start()
        try:
            monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{gateway.server_port}")
            assert isinstance(error_of(call), StoreTrouble)
        finally:
            gateway.shutdown()
            serving.join()
