"""The stand-alone script opens what the vault wrote, from a folder or a bucket, and refuses what it did not write."""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

import rescue
from shared.adapters.blobs import open_store
from shared.adapters.kms import AwsKeys
from shared.domain.errors import Answer
from shared.domain.model import Purpose
from shared.domain.records import Line, gone, prefix_gone, put
from shared.ports.blobs import BlobStore
from shared.vault.format import Manifest, Run, StreamState
from shared.vault.keyring import birth
from shared.vault.manifests import store_manifest
from shared.vault.writer import RunWriter
from tests.unit.simulator.aws.running import OWNER, REGION, Aws, running

SCRIPT = Path(__file__).resolve().parents[2] / "rescue.py"
TENANT, FIRST, SECOND = "3c9d", "snapshot-1", "snapshot-2"
BIG = b'{"id": "2",  "n":1E+2, "u":"\\ud800", "s":"\xe2\x80\xa8"}'
OLDER: dict[str, list[Line]] = {
    "groups": [
        prefix_gone(b"groups", b""),
        *sorted(put(b"groups", b"groups/%d" % n, b'{"id":"%d"}' % n) for n in range(60)),
        prefix_gone(b"groups.members", b""),
        put(b"groups.members", b"groups/1/members/a", b'{"id":"a"}'),
        put(b"groups.members", b"groups/2/members/a", b'{"id":"a"}'),
    ],
    "users": [prefix_gone(b"users", b""), put(b"users", b"users/1", b"{}"), put(b"users", b"users/2", BIG)],
}
NEWER: dict[str, list[Line]] = {
    "groups": [
        gone(b"groups", b"groups/1"),
        put(b"groups", b"groups/2", b'{"id":"2","new":null}'),
        prefix_gone(b"groups.members", b"groups/1/members/"),
        put(b"groups.members", b"groups/2/members/b", b'{"id":"b"}'),
    ],
    "users": [gone(b"users", b"users/1")],
}
EXPECTED = b"".join(
    [
        b'{"key": "groups/0", "value": {"id":"0"}}\n',
        *sorted(
            b'{"key": "groups/%d", "value": %b}\n' % (n, b'{"id":"2","new":null}' if n == 2 else b'{"id":"%d"}' % n)
            for n in range(2, 60)
        ),
        b'{"key": "groups/2/members/a", "value": {"id":"a"}}\n',
        b'{"key": "groups/2/members/b", "value": {"id":"b"}}\n',
        b'{"key": "users/2", "value": %b}\n' % BIG,
    ]
)


@pytest.fixture(scope="module")
def aws() -> Iterator[Aws]:
    with running() as simulator, pytest.MonkeyPatch.context() as patch:
        for service in ("KMS", "S3"):
            patch.setenv(f"AWS_ENDPOINT_URL_{service}", simulator.url)
        patch.setenv("AWS_ACCESS_KEY_ID", OWNER)
        patch.setenv("AWS_SECRET_ACCESS_KEY", "any")
        patch.setenv("AWS_DEFAULT_REGION", REGION)
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield simulator


@dataclass(frozen=True)
class Stored:
    """A store with two snapshots of a tenant, and the KMS key that wraps their data keys."""

    url: str
    store: BlobStore
    arn: str

    def rescue(self, *words: str) -> "subprocess.CompletedProcess[bytes]":
        """Runs the script as whoever has nothing else would."""
        command = [sys.executable, str(SCRIPT), self.url, TENANT, *words]
        return subprocess.run(command, capture_output=True, timeout=60, check=False, env=os.environ)

    def one(self, part: str) -> str:
        return next(name for name in self.store.names(f"{TENANT}/{part}/"))


@pytest.fixture(params=["folder", "bucket"])
def stored(request: pytest.FixtureRequest, aws: Aws, tmp_path: Path) -> Stored:
    return written(aws, (tmp_path / "a store").as_uri() if request.param == "folder" else bucket(aws, tmp_path.name))


@pytest.fixture
def harmed(aws: Aws, tmp_path: Path) -> Stored:
    return written(aws, tmp_path.as_uri())


def bucket(aws: Aws, name: str) -> str:
    name = name.replace("_", "-").lower().strip("-")
    aws.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    return f"s3://{name}/some/prefix"


def written(aws: Aws, url: str) -> Stored:
    store, keys = open_store(url), AwsKeys(60)
    arn: str = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    runs: dict[str, list[Run]] = {name: [] for name in OLDER}
    for day, snapshot, written_now in ((1, FIRST, OLDER), (2, SECOND, NEWER)):
        now, job = datetime(2026, 11, day, tzinfo=UTC), f"job-{day}"
        key, _ = birth(keys, store, TENANT, arn, Purpose.BACKUP, 1, now, job)
        for name, lines in written_now.items():
            runs[name].append(RunWriter(store, TENANT, job, name, key, lambda: None, 300).write([lines]))
        store_manifest(store, key, manifest(snapshot, job, now, runs))
    return Stored(url, store, arn)


def manifest(snapshot: str, job: str, now: datetime, runs: dict[str, list[Run]]) -> Manifest:
    states = [
        StreamState(
            stream=name,
            selection="s",
            cursor="c",
            cursor_issued=now,
            begun=now,
            ended=now,
            answer=Answer.WHOLE,
            request_id=None,
            stale=False,
            runs=list(own),
            records={},
        )
        for name, own in runs.items()
    ]
    return Manifest(
        snapshot_id=snapshot,
        tenant_id=TENANT,
        job_id=job,
        parent=None,
        parent_sha256=None,
        created_at=now,
        streams=states,
        resources=[],
    )


def test_the_latest_snapshot_is_written_as_download_writes_it(stored: Stored, tmp_path: Path) -> None:
    file = tmp_path / "out.jsonl"
    done = stored.rescue("latest", "-o", str(file))
    assert (done.returncode, done.stdout) == (0, b""), done.stderr
    assert file.read_bytes() == EXPECTED
    assert file.stat().st_mode & 0o777 == 0o600


def test_an_older_snapshot_goes_to_the_terminal_by_its_id(harmed: Stored) -> None:
    done = harmed.rescue(FIRST)
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line)["key"] for line in done.stdout.splitlines()]
    assert len(lines) == 64
    assert lines[-2:] == ["users/1", "users/2"]


def test_the_list_needs_no_key(aws: Aws, stored: Stored) -> None:
    aws.client("kms").disable_key(KeyId=stored.arn)
    done = stored.rescue("--list")
    assert done.returncode == 0
    assert [line.split()[0] for line in done.stdout.decode().splitlines()] == [FIRST, SECOND]


def test_a_disabled_key_opens_nothing_and_leaves_no_file(aws: Aws, harmed: Stored, tmp_path: Path) -> None:
    aws.client("kms").disable_key(KeyId=harmed.arn)
    before = sorted(tmp_path.iterdir())
    done = harmed.rescue("latest", "-o", str(tmp_path / "out"))
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"DisabledException" in done.stderr
    assert sorted(tmp_path.iterdir()) == before


def flip(store: BlobStore, name: str) -> None:
    sealed = bytearray(store.get(name) or b"")
    sealed[-1] ^= 1
    store.put(name, bytes(sealed))


def rename(store: BlobStore, name: str) -> None:
    store.put(name, (store.get(name) or b"").replace(SECOND.encode(), FIRST.encode()))


def swap(store: BlobStore, name: str) -> None:
    """Puts the wrapped key of another key object into each, under the names that they had."""
    names = list(store.names(f"{TENANT}/keys/"))
    objects = [json.loads(store.get(name) or b"") for name in names]
    for name, mine, other in zip(names, objects, reversed(objects), strict=True):
        store.put(name, json.dumps({**mine, "wrapped": other["wrapped"]}).encode())


def stretch(store: BlobStore, name: str) -> None:
    store.put(name, (store.get(name) or b"").replace(b"fformat\x01", b"fformat\x02"))


HARMS: list[tuple[str, Callable[[BlobStore, str], None], str]] = [
    ("jobs/job-2", flip, "is damaged"),
    ("jobs/job-2", lambda store, name: store.delete(name), "cannot be read"),
    ("jobs/job-2", lambda store, name: store.put(name, b""), "is damaged"),
    (f"snapshots/{SECOND}", flip, "is damaged"),
    (f"snapshots/{SECOND}", rename, "is damaged"),
    (f"snapshots/{SECOND}", stretch, "format 2"),
    ("keys", swap, "holds another data key"),
]


@pytest.mark.parametrize(("part", "harm", "said"), HARMS)
def test_harm_is_told_in_one_sentence_that_names_the_blob(
    harmed: Stored,
    part: str,
    harm: Callable[[BlobStore, str], None],
    said: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    names = list(harmed.store.names(f"{TENANT}/{part}"))
    harm(harmed.store, names[0])
    assert rescue.main([harmed.url, TENANT, SECOND]) == 1
    told = capfd.readouterr().err
    assert said in told
    assert any(name in told for name in (names if part == "keys" else names[:1]))
    assert told.count("\n") == 1


def test_key_objects_hold_what_kms_needs_and_nothing_else_opens_them(harmed: Stored) -> None:
    stored = json.loads(harmed.store.get(harmed.one("keys")) or b"")
    needed = {"format", "tenant", "id", "arn", "context", "generation", "created", "wrapped"}
    assert set(stored) == needed | {"job", "epoch"}
    assert stored["context"] == {"tenant": TENANT, "purpose": "backup"}
    assert base64.b64decode(stored["wrapped"])


@pytest.mark.parametrize("words", [(), ("latest", "--list"), ("../x",)])
def test_wrong_use_is_told_before_anything_is_read(words: tuple[str, ...], tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as ended:
        rescue.main([tmp_path.as_uri(), TENANT, *words])
    assert ended.value.code == 2


def test_an_empty_store_says_so(aws: Aws, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert rescue.main([tmp_path.as_uri(), TENANT, "latest"]) == 1
    assert "There is no snapshot" in capfd.readouterr().err
