"""The stand-alone script opens the vault's blobs from a folder or a bucket, and refuses all others."""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.request import urlopen

import pytest

import rescue
from shared.adapters.blobs import open_store
from shared.adapters.kms import AwsKeys
from shared.domain.errors import Answer
from shared.domain.model import Purpose
from shared.domain.records import Line, prefix_tombstone, put, tombstone
from shared.ports.blobs import BlobStore
from shared.vault.format import Manifest, Run, StreamState
from shared.vault.keyring import create_data_key
from shared.vault.manifests import store_manifest
from shared.vault.writer import RunWriter
from tests.simulator.aws.running import OWNER, REGION, Aws, running

SCRIPT = Path(__file__).resolve().parents[2] / "rescue.py"
TENANT, JOB = "0b9e1c6e-0d6c-4b57-8f0c-6a1f3f2d7c11", "5d2f7a90-3b1e-4c8a-9a67-2e4b8c0d1f2"
FIRST, SECOND, THIRD = (f"7c1e5b0a-94d2-4e63-b8a1-0f3d6c9e2a3{n}" for n in (1, 2, 3))
BIG = b'{"id": "2",  "n":1E+2, "u":"\\ud800", "s":"\xe2\x80\xa8"}'
OLDER: dict[str, list[Line]] = {
    "groups": [
        prefix_tombstone(b"groups", b""),
        *sorted(put(b"groups", b"groups/%d" % n, b'{"id":"%d"}' % n) for n in range(60)),
        prefix_tombstone(b"groups.members", b""),
        put(b"groups.members", b"groups/1/members/a", b'{"id":"a"}'),
        put(b"groups.members", b"groups/2/members/a", b'{"id":"a"}'),
    ],
    "users": [prefix_tombstone(b"users", b""), put(b"users", b"users/1", b"{}"), put(b"users", b"users/2", BIG)],
}
NEWER: dict[str, list[Line]] = {
    "groups": [
        tombstone(b"groups", b"groups/1"),
        put(b"groups", b"groups/2", b'{"id":"2","new":null}'),
        prefix_tombstone(b"groups.members", b"groups/1/members/"),
        put(b"groups.members", b"groups/2/members/b", b'{"id":"b"}'),
    ],
    "users": [tombstone(b"users", b"users/1")],
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
        """Run the script as a person without the product would, with only the tenant's KMS key trusted."""
        trusted = () if "--list" in words else ("--key", self.arn)
        command = [sys.executable, str(SCRIPT), self.url, TENANT, *words, *trusted]
        return subprocess.run(command, capture_output=True, timeout=60, check=False, env=os.environ)

    def one(self, part: str) -> str:
        return next(name for name in self.store.names(f"{TENANT}/{part}/"))


@pytest.fixture(params=["folder", "bucket"])
def stored(request: pytest.FixtureRequest, aws: Aws, tmp_path: Path) -> Stored:
    return write_snapshot(
        aws, (tmp_path / "a store").as_uri() if request.param == "folder" else bucket(aws, tmp_path.name)
    )


@pytest.fixture
def harmed(aws: Aws, tmp_path: Path) -> Stored:
    return write_snapshot(aws, tmp_path.as_uri())


def bucket(aws: Aws, name: str) -> str:
    name = name.replace("_", "-").lower().strip("-")
    aws.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    return f"s3://{name}/some/prefix"


def write_snapshot(aws: Aws, url: str) -> Stored:
    store, keys = open_store(url), AwsKeys(60)
    arn: str = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    runs: dict[str, list[Run]] = {name: [] for name in OLDER}
    parent: tuple[str | None, str | None] = (None, None)
    for day, snapshot, written_now in ((1, FIRST, OLDER), (2, SECOND, NEWER)):
        now, job = datetime(2026, 11, day, tzinfo=UTC), f"{JOB}{day}"
        key, _ = create_data_key(keys, store, TENANT, arn, Purpose.BACKUP, 1, now, job)
        for name, lines in written_now.items():
            runs[name].append(RunWriter(store, TENANT, job, name, key, lambda: None, 300).write([lines]))
        sha256 = store_manifest(store, key, manifest(snapshot, job, now, runs, parent))
        parent = (snapshot, sha256)
    return Stored(url, store, arn)


def manifest(
    snapshot: str,
    job: str,
    now: datetime,
    runs: dict[str, list[Run]],
    parent: tuple[str | None, str | None] = (None, None),
    let_go: list[str] | None = None,
) -> Manifest:
    states = [
        StreamState(
            stream=name,
            selection="s",
            cursor="c",
            cursor_issued=now,
            started_at=now,
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
        parent=parent[0],
        parent_sha256=parent[1],
        created_at=now,
        streams=states,
        resources=[],
        let_go=let_go or [],
    )


def test_the_script_writes_the_latest_snapshot_as_download_does(stored: Stored, tmp_path: Path) -> None:
    file = tmp_path / "out.jsonl"
    done = stored.rescue("latest", "-o", str(file))
    assert (done.returncode, done.stdout) == (0, b""), done.stderr
    assert file.read_bytes() == EXPECTED
    assert file.stat().st_mode & 0o777 == 0o600


def test_the_script_prints_an_older_snapshot_chosen_by_id(harmed: Stored) -> None:
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
    """Give each key object the wrapped key of another one, and keep the names."""
    names = list(store.names(f"{TENANT}/keys/"))
    objects = [json.loads(store.get(name) or b"") for name in names]
    for name, own, other in zip(names, objects, reversed(objects), strict=True):
        store.put(name, json.dumps({**own, "wrapped": other["wrapped"]}).encode())


def stretch(store: BlobStore, name: str) -> None:
    store.put(name, (store.get(name) or b"").replace(b"fformat\x01", b"fformat\x02"))


def append(store: BlobStore, name: str) -> None:
    store.put(name, (store.get(name) or b"") + b"x")


def rewrite(store: BlobStore, name: str, **fields: object) -> None:
    """Set these fields in every key object."""
    for each in list(store.names(name.rpartition("keys/")[0])):
        if "/keys/" in each:
            store.put(each, json.dumps({**json.loads(store.get(each) or b""), **fields}).encode())


def plant(store: BlobStore, name: str) -> None:
    """Add a further, invalid generation beside every key object."""
    for each in list(store.names(f"{TENANT}/keys/")):
        store.put(f"{each.rpartition('/')[0]}/9", b"garbage")


FIRST_MANIFEST, SECOND_MANIFEST = f"snapshots/{FIRST}", f"snapshots/{SECOND}"
HARMS: list[tuple[str, Callable[[BlobStore, str], None], str]] = [
    (f"jobs/{JOB}2", flip, "is damaged"),
    (f"jobs/{JOB}2", append, "is damaged"),
    (f"jobs/{JOB}2", lambda store, name: store.delete(name), "cannot be read"),
    (f"jobs/{JOB}2", lambda store, name: store.put(name, b""), "is damaged"),
    (SECOND_MANIFEST, flip, "is damaged"),
    (SECOND_MANIFEST, append, "is damaged"),
    (SECOND_MANIFEST, rename, "is damaged"),
    (SECOND_MANIFEST, stretch, "format 2"),
    (FIRST_MANIFEST, lambda store, name: store.delete(name), f"{SECOND} builds on it"),
    (FIRST_MANIFEST, append, f"{SECOND} builds on it"),
    ("keys", swap, "is damaged"),
    ("keys", plant, "is damaged"),
    (
        "keys",
        lambda store, name: rewrite(store, name, format="entrakeep/2"),
        "is damaged, or is not what its name says",
    ),
    ("keys", lambda store, name: rewrite(store, name, generation=2), "is damaged"),
    ("keys", lambda store, name: rewrite(store, name, context={"tenant": TENANT, "purpose": "secrets"}), "is damaged"),
]


@pytest.mark.parametrize(("part", "harm", "sentence"), HARMS)
def test_damage_is_reported_in_one_sentence_that_names_the_blob(
    harmed: Stored,
    part: str,
    harm: Callable[[BlobStore, str], None],
    sentence: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    names = list(harmed.store.names(f"{TENANT}/{part}"))
    harm(harmed.store, names[0])
    assert rescue.main([harmed.url, TENANT, SECOND, "--key", harmed.arn]) == 1
    *_, line = capfd.readouterr().err.splitlines()
    assert sentence in line
    assert any(name.rpartition("/")[0 if part == "keys" else 2] in line for name in names)


@pytest.mark.parametrize("harm", [append, lambda store, name: store.delete(name)])
def test_the_script_opens_an_orphan_on_request(
    harmed: Stored, harm: Callable[[BlobStore, str], None], capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    harm(harmed.store, f"{TENANT}/{FIRST_MANIFEST}")
    assert rescue.main([harmed.url, TENANT, SECOND, "--key", harmed.arn]) == 1
    assert capfdbinary.readouterr().out == b""
    assert rescue.main([harmed.url, TENANT, SECOND, "--key", harmed.arn, "--orphan"]) == 0
    assert capfdbinary.readouterr().out == EXPECTED


def test_a_parent_removed_by_retention_is_not_missed(harmed: Stored) -> None:
    key, _ = create_data_key(
        AwsKeys(60), harmed.store, TENANT, harmed.arn, Purpose.BACKUP, 1, datetime.now(UTC), f"{JOB}3"
    )
    later = manifest(THIRD, f"{JOB}3", datetime.now(UTC), {}, let_go=[FIRST])
    harmed.store.delete(f"{TENANT}/{FIRST_MANIFEST}")
    assert harmed.rescue(SECOND).returncode == 1
    store_manifest(harmed.store, key, later)
    done = harmed.rescue(SECOND)
    assert (done.returncode, done.stdout) == (0, EXPECTED), done.stderr


def test_the_script_skips_and_names_strays(harmed: Stored) -> None:
    folder = Path(harmed.url.removeprefix("file://")) / TENANT
    key_object = folder / harmed.one("keys").removeprefix(f"{TENANT}/")
    for stray in (
        folder / "snapshots/.DS_Store",
        folder / "snapshots" / f"{SECOND} (1)",
        key_object.with_name("1 (1)"),
    ):
        stray.write_bytes(b"x")
    done = harmed.rescue("latest")
    assert (done.returncode, done.stdout) == (0, EXPECTED), done.stderr
    assert done.stderr.count(b".DS_Store") == 1
    harmed.store.delete(f"{TENANT}/{FIRST_MANIFEST}")
    assert harmed.rescue("latest").stderr.count(b".DS_Store") == 1
    assert b"is damaged" not in done.stderr


def test_the_list_names_and_omits_an_unreadable_manifest(harmed: Stored) -> None:
    append(harmed.store, f"{TENANT}/{SECOND_MANIFEST}")
    done = harmed.rescue("--list")
    assert [line.split()[0] for line in done.stdout.decode().splitlines()] == [FIRST]
    assert SECOND.encode() in done.stderr
    assert len(harmed.rescue("latest").stdout.splitlines()) == 64


def test_the_script_does_not_overwrite_an_existing_file(harmed: Stored, tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"x")
    assert harmed.rescue("latest", "-o", str(tmp_path / "out")).returncode == 1
    assert (tmp_path / "out").read_bytes() == b"x"


def test_key_objects_hold_what_kms_needs_and_only_kms_opens_them(harmed: Stored) -> None:
    key_object = json.loads(harmed.store.get(harmed.one("keys")) or b"")
    needed = {"format", "tenant", "id", "arn", "context", "generation", "created", "wrapped"}
    assert set(key_object) == needed | {"job", "epoch"}
    assert key_object["context"] == {"tenant": TENANT, "purpose": "backup"}
    assert base64.b64decode(key_object["wrapped"])


@pytest.mark.parametrize("words", [(), ("latest", "--list")])
def test_the_script_reports_wrong_use_before_it_reads_anything(words: tuple[str, ...], tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as ended:
        rescue.main([tmp_path.as_uri(), TENANT, *words])
    assert ended.value.code == 2


def test_the_script_reports_an_empty_store(aws: Aws, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert rescue.main([tmp_path.as_uri(), TENANT, "latest", "--key", "arn"]) == 1
    assert "There is no snapshot" in capfd.readouterr().err


def decrypts(aws: Aws) -> int:
    """Return the number of calls to KMS for a data key."""
    with urlopen(f"{aws.url}/_sim/requests") as answer:
        counted = json.load(answer)
    return sum(each["count"] for each in counted if each["action"] == "Decrypt")


def test_without_a_trusted_key_the_script_lists_the_keys_in_the_store_and_does_not_call_kms(
    aws: Aws, harmed: Stored, capfd: pytest.CaptureFixture[str]
) -> None:
    harmed.store.put(f"{TENANT}/keys/{'f' * 64}/1", b'{"arn": "arn:\x1b[31m"}')
    before = decrypts(aws)
    assert rescue.main([harmed.url, TENANT, "latest"]) == 2
    err = capfd.readouterr().err
    assert f"{harmed.arn} (account {OWNER}, Region {REGION})" in err
    assert "--key" in err
    assert "\x1b" not in err
    assert decrypts(aws) == before


def test_the_script_does_not_open_a_data_key_under_an_untrusted_kms_key(
    aws: Aws, harmed: Stored, capfd: pytest.CaptureFixture[str]
) -> None:
    theirs: str = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    key, _ = create_data_key(AwsKeys(60), harmed.store, TENANT, theirs, Purpose.BACKUP, 9, datetime.now(UTC), f"{JOB}3")
    store_manifest(harmed.store, key, manifest(THIRD, f"{JOB}3", datetime.now(UTC), {}))
    before = decrypts(aws)
    assert rescue.main([harmed.url, TENANT, "latest", "--key", harmed.arn]) == 1
    assert theirs in capfd.readouterr().err
    assert decrypts(aws) == before
    assert rescue.main([harmed.url, TENANT, SECOND, "--key", theirs, "--key", harmed.arn]) == 0
