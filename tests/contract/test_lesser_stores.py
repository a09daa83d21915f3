"""S3 stores that lack features, and networks that truncate or change bodies."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.adapters.blobs import open_store
from shared.domain.errors import Code, Refuse, StoreTrouble
from tests.contract.s3_gate import Gate, Headers, gate_before
from tests.parts import ACCOUNT, REGION, aws_simulator

DATA = b"sealed" * 1000
WHEN_REQUIRED = "AWS_REQUEST_CHECKSUM_CALCULATION"


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    with aws_simulator() as simulator:
        simulator.new_bucket("backups")
        yield simulator.url


@pytest.fixture
def gate(s3: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCOUNT)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "any")
    monkeypatch.setenv("AWS_REGION", REGION)
    with gate_before(s3) as new_gate:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", new_gate.url)
        yield new_gate


@pytest.fixture
def url() -> str:
    """Return the URL of an unused prefix."""
    return f"s3://backups/{uuid.uuid4()}"


def no_checksums(method: str, headers: Headers) -> tuple[int, str, str] | None:
    if method == "PUT" and any("checksum" in name for name in headers):
        return 400, "InvalidArgument", "Unsupported header received for this API call."
    return None


def no_conditions(method: str, headers: Headers) -> tuple[int, str, str] | None:
    if method == "PUT" and "if-none-match" in headers:
        return 501, "NotImplemented", "A header you provided implies functionality that is not implemented"
    return None


def no_checksums_and_no_conditions(method: str, headers: Headers) -> tuple[int, str, str] | None:
    return no_checksums(method, headers) or no_conditions(method, headers)


def unsuitable_message(url: str) -> str:
    with pytest.raises(Refuse) as caught:
        open_store(url).prove("store", DATA)
    assert caught.value.code is Code.STORE_UNSUITABLE
    return caught.value.message


def test_prove_accepts_a_complete_store_and_leaves_only_the_blob(gate: Gate, url: str) -> None:
    for _ in range(2):
        open_store(url).prove("store", DATA)
    assert list(open_store(url).names("")) == ["store"]


def test_a_store_without_checksums_is_refused_and_works_with_the_setting(
    gate: Gate, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate.refuse = no_checksums
    message = unsuitable_message(url)
    assert "lacks checksums" in message
    assert f"{WHEN_REQUIRED}=when_required" in message
    assert "CONDITIONAL" not in message
    monkeypatch.setenv(WHEN_REQUIRED, "when_required")
    open_store(url).prove("store", DATA)
    assert list(open_store(url).names("")) == ["store"]


@pytest.mark.parametrize("way", ["refuses", "ignores"])
def test_a_store_without_conditional_writes_is_refused_and_works_with_the_setting(
    gate: Gate, url: str, way: str
) -> None:
    if way == "refuses":
        gate.refuse = no_conditions
    else:
        gate.ignore = ("if-none-match",)
    message = unsuitable_message(url)
    assert "lacks conditional writes" in message
    assert "ENTRAKEEP_STORE_CONDITIONAL_WRITES=off" in message
    assert WHEN_REQUIRED not in message
    store = open_store(url, conditional=False)
    store.delete("store")
    store.prove("store", DATA)
    assert (store.put_new("store", b"other"), store.get("store")) == (False, DATA)
    assert list(store.names("")) == ["store"]


def test_a_store_without_both_features_is_refused_with_both_settings(
    gate: Gate, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate.refuse = no_checksums_and_no_conditions
    message = unsuitable_message(url)
    assert f"{WHEN_REQUIRED}=when_required and ENTRAKEEP_STORE_CONDITIONAL_WRITES=off" in message
    monkeypatch.setenv(WHEN_REQUIRED, "when_required")
    open_store(url, conditional=False).prove("store", DATA)


def test_a_bucket_that_denies_writes_is_forbidden_rather_than_unsuitable(gate: Gate, url: str) -> None:
    gate.refuse = lambda method, _: (403, "AccessDenied", "Access Denied") if method == "PUT" else None
    with pytest.raises(Refuse) as caught:
        open_store(url).prove("store", DATA)
    assert caught.value.code is Code.STORE_FORBIDDEN


def test_a_file_system_without_hard_links_is_refused_as_unsuitable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def link(_from: str, _to: str) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)  # a test cannot mount such a file system
    with pytest.raises(Refuse, match="no hard links") as caught:
        open_store(tmp_path.as_uri()).prove("store", DATA)
    assert caught.value.code is Code.STORE_UNSUITABLE


# -- truncated bodies


@pytest.mark.parametrize("times", [1, 3])
def test_a_truncated_body_is_read_again(gate: Gate, url: str, times: int) -> None:
    store = open_store(url)
    store.put("t/a", DATA)
    gate.spoil = lambda _, body: body[: len(body) // 2] if len(gate.read) <= times else body
    assert store.get("t/a") == DATA
    assert len(gate.read) == times + 1


def test_a_body_that_is_always_truncated_is_trouble_rather_than_half_a_blob(gate: Gate, url: str) -> None:
    store = open_store(url)
    store.put("t/a", DATA)
    gate.spoil = lambda _, body: body[:10]
    with pytest.raises(StoreTrouble):
        store.get("t/a")


def test_a_byte_changed_in_transit_is_detected_by_the_checksum_and_read_again(gate: Gate, url: str) -> None:
    store = open_store(url)
    store.put("t/a", DATA)
    gate.spoil = lambda _, body: b"X" + body[1:] if len(gate.read) == 1 else body
    assert store.get("t/a") == DATA
