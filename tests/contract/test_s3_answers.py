"""The meaning of each S3 answer, row by row of the table, with a real client over HTTP."""

import itertools
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import botocore.exceptions
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from shared.adapters.blobs import open_store
from shared.adapters.blobs.s3 import store as s3
from shared.adapters.blobs.s3.answers import meaning
from shared.adapters.blobs.s3.row import Kind, Received, Row
from shared.adapters.blobs.s3.table import ROWS, row_of
from shared.domain.errors import Code, EntrakeepError, Refuse, StoreTrouble
from shared.ports.blobs import BlobStore
from tests.parts import ACCOUNT, REGION, AwsSimulator, aws_simulator

DATA = b"sealed" * 1000
CODES = {Kind.FULL: Code.STORE_FULL, Kind.FORBIDDEN: Code.STORE_FORBIDDEN, Kind.UNSUITABLE: Code.STORE_UNSUITABLE}
CALLS: dict[str, Callable[[BlobStore], object]] = {
    "PutObject": lambda store: store.put("t/a", DATA),
    "PutObject if absent": lambda store: store.put_new("t/a", DATA),
    "GetObject": lambda store: store.get("t/a"),
    "DeleteObject": lambda store: store.delete("t/a"),
    "ListObjectsV2": lambda store: list(store.names("t/")),
    "ListObjectVersions": lambda store: list(store.names("t/", deleted=True)),
}


@dataclass(frozen=True)
class Answer:
    """An answer over HTTP, and the row that must match it."""

    row: Row
    code: str
    status: int
    message: str


def answers() -> Iterator[Answer]:
    """Return every answer over HTTP that a row names."""
    for row in ROWS:
        wire = [code for code in row.codes if not isinstance(getattr(botocore.exceptions, code, None), type)]
        if row.codes and not wire:
            continue  # no HTTP answer: these are error classes of the client
        words = row.words or ("",)
        usual = 403 if row.kind is Kind.FORBIDDEN else 400
        for code, word in itertools.product(wire, words):
            yield Answer(row, code, usual, f"Something with {word} in it")
        for status, word in itertools.product(row.statuses[:3], words):
            yield Answer(row, "OfTomorrow", status, f"Something with {word} in it")
        if not row.codes and not row.statuses:
            yield from (Answer(row, "OfTomorrow", 400, f"Something with {word} in it") for word in words)


ANSWERS = [answer for answer in answers() if answer.status not in (301, 302, 303, 307, 308)]
"""The answers that reach the caller unchanged; the client follows redirects itself."""


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


@pytest.fixture
def store(aws: AwsSimulator) -> BlobStore:
    return open_store("s3://backups")


def fault(aws: AwsSimulator, code: str, status: int, message: str = "", **more: object) -> None:
    answer = {"what": "error", "code": code, "status": status, "message": message}
    aws.fault({"match": {"service": "s3"}, **answer, **more})


def raised(call: Callable[[BlobStore], object], store: BlobStore) -> EntrakeepError:
    with pytest.raises(EntrakeepError) as caught:
        call(store)
    return caught.value


def test_row_names_are_unique_and_the_last_row_matches_any_answer() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS)
    assert ROWS[-1].fits(Received(names=frozenset()))


def test_no_row_is_hidden_by_an_earlier_row() -> None:
    for answer in answers():
        received = Received(names=frozenset({answer.code}), status=answer.status, text=answer.message.lower())
        assert row_of(received).name == answer.row.name, answer


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda each: f"{each.row.name}-{each.code}-{each.status}")
def test_an_http_answer_raises_the_error_of_its_row(aws: AwsSimulator, store: BlobStore, answer: Answer) -> None:
    fault(aws, answer.code, answer.status, answer.message)
    for call in CALLS.values():
        error = raised(call, store)
        assert answer.code in error.message
        assert "backups" in error.message
        assert error.message.endswith(".")
        if answer.row.kind is Kind.TROUBLE:
            assert isinstance(error, StoreTrouble)
        else:
            assert isinstance(error, Refuse)
            assert error.code is CODES[answer.row.kind]


NETWORK = [
    kind
    for kind in vars(botocore.exceptions).values()
    if isinstance(kind, type)
    and issubclass(kind, (botocore.exceptions.ConnectionError, botocore.exceptions.HTTPClientError))
]


@pytest.mark.parametrize("kind", NETWORK, ids=lambda kind: kind.__name__)
def test_every_network_error_is_trouble(kind: type[BotoCoreError]) -> None:
    assert row_of(Received(names=frozenset(each.__name__ for each in kind.__mro__))).kind is Kind.TROUBLE


def test_every_client_error_code_in_the_table_is_a_botocore_class() -> None:
    codes = {code for row in ROWS for code in row.codes if code.endswith("Error") and row.name in ("not-sent", "tls")}
    assert all(hasattr(botocore.exceptions, code) for code in codes)


@pytest.mark.parametrize("code", ["ExpiredToken", "TokenRefreshRequired"])
def test_expired_session_credentials_are_reloaded_and_the_call_succeeds(
    aws: AwsSimulator, store: BlobStore, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    other = "444455556666"
    for call in CALLS.values():
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", other)
        store = open_store("s3://backups")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCOUNT)
        aws.fault(
            {
                "match": {"service": "s3", "account": other},
                "what": "error",
                "code": code,
                "status": 400,
                "message": "Over.",
            }
        )
        call(store)


def test_retry_after_seconds_are_read_from_the_answer_up_to_a_limit() -> None:
    def after(text: str) -> float | None:
        response = {
            "Error": {"Code": "SlowDown"},
            "ResponseMetadata": {"HTTPStatusCode": 503, "HTTPHeaders": {"retry-after": text}},
        }
        error = meaning(ClientError(response, "PutObject"), "b", "n")  # type: ignore[arg-type]
        assert isinstance(error, StoreTrouble)
        return error.after

    assert [after("7"), after("86400"), after("Wed, 21 Oct 2026 07:28:00 GMT"), after("")] == [7.0, 600.0, None, None]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AWS_REQUEST_CHECKSUM_CALCULATION", "sometimes"),
        ("AWS_PROFILE", "nobody"),
        ("AWS_ENDPOINT_URL_S3", "garbage"),
    ],
)
def test_settings_rejected_by_botocore_are_named(
    aws: AwsSimulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, value: str
) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "absent"))
    monkeypatch.setenv(name, value)
    with pytest.raises(Refuse) as caught:
        open_store("s3://backups")
    assert caught.value.code is Code.SETTINGS_INVALID
    assert name in caught.value.message
