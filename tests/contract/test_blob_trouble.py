"""What blob stores do about durability, and what an answer of S3 means: trouble to be tried again, or a person's to mend."""

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


# -- a folder keeps what it took


@pytest.fixture
def made_durable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[str, str, int]]:
    """Each thing done to the disk, in order: what, to which path below the folder, and how long that was then."""
    done: list[tuple[str, str, int]] = []

    def note(what: str, path: str) -> None:
        if path.startswith(str(tmp_path)):
            size = os.stat(path).st_size if os.path.isfile(path) else 0
            part = ".part" if ".part-" in path else os.path.relpath(path, tmp_path)
            done.append((what, part, size))

    def wrapped(name: str, path_of: Callable[..., str]) -> None:
        real = getattr(os, name)

        def call(*arguments: object, **more: object) -> object:
            result = real(*arguments, **more)
            note(name, path_of(*arguments))
            return result

        monkeypatch.setattr(os, name, call)

    wrapped("fsync", lambda descriptor: os.readlink(f"/proc/self/fd/{descriptor}"))
    wrapped("replace", lambda _, target: str(target))
    wrapped("link", lambda _, target: str(target))
    wrapped("unlink", str)
    wrapped("mkdir", lambda path, *_: str(path))
    return done


@pytest.mark.parametrize(("verb", "named"), [("put", "replace"), ("put_new", "link")])
def test_a_blob_is_on_the_disk_before_it_has_its_name_and_its_name_before_the_store_says_so(
    tmp_path: Path, made_durable: list[tuple[str, str, int]], verb: str, named: str
) -> None:
    store = open_store((tmp_path / "store").as_uri())
    getattr(store, verb)("t/a", DATA)
    told = [each for each in made_durable if each[0] != "unlink"]
    assert told == [
        ("mkdir", "store", 0),
        ("fsync", ".", 0),
        ("mkdir", "store/t", 0),
        ("fsync", "store", 0),
        ("fsync", ".part", len(DATA)),
        (named, "store/t/a", len(DATA)),
        ("fsync", "store/t", 0),
    ]


def test_a_blob_that_was_deleted_does_not_come_back(tmp_path: Path, made_durable: list[tuple[str, str, int]]) -> None:
    store = open_store((tmp_path / "store").as_uri())
    store.put("t/a", DATA)
    made_durable.clear()
    store.delete("t/a")
    assert ("fsync", "store/t", 0) in made_durable


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


def met(call: Callable[[BlobStore], object], url: str = "s3://backups") -> EntrakeepError:
    with pytest.raises(EntrakeepError) as caught:
        call(open_store(url))
    assert caught.value.message.endswith(".")
    return caught.value


@every_call
def test_a_bucket_that_is_not_there_is_not_taken_for_an_empty_one(
    aws: AwsSimulator, call: Callable[[BlobStore], object]
) -> None:
    error = met(call, "s3://elsewhere")
    assert isinstance(error, Refuse)
    assert error.code is Code.STORE_FORBIDDEN
    assert "no bucket elsewhere" in error.message


@every_call
def test_without_credentials_nothing_is_sent(
    aws: AwsSimulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, call: Callable[[BlobStore], object]
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "absent"))
    error = met(call)
    assert isinstance(error, Refuse)
    assert error.code is Code.STORE_FORBIDDEN
    assert "no AWS credentials" in error.message


@every_call
def test_an_answer_that_is_cut_off_is_trouble(aws: AwsSimulator, call: Callable[[BlobStore], object]) -> None:
    aws.fault({"match": {"service": "s3"}, "what": "drop"})
    assert isinstance(met(call), StoreTrouble)


class Gateway(BaseHTTPRequestHandler):
    """Redirects whoever asks for anything."""

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(302)
        self.send_header("Location", "http://127.0.0.1:9/sign-in")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


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
            assert isinstance(met(call), StoreTrouble)
        finally:
            gateway.shutdown()
            serving.join()
