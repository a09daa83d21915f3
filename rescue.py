"""Opens a snapshot of Entrakeep with nothing of Entrakeep: a bucket or folder, the KMS key, and docs/format.md.

    pip install boto3 cbor2 cwt zstandard
    python rescue.py file:///folder|s3://bucket/prefix TENANT --list
    python rescue.py file:///folder|s3://bucket/prefix TENANT SNAPSHOT|latest [-o FILE]

TENANT is the tenant's id, the name of its folder in the store. AWS credentials, Region and endpoints come the AWS way. The
records go to FILE or to the terminal, one line each, by resource and then by key, as ``entrakeep download`` writes them.
Exit status: 0 done, 1 what is stored cannot be opened, 2 wrong use.
"""

import argparse
import base64
import hashlib
import heapq
import hmac
import json
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import unquote, urlsplit

import boto3
import cbor2
import cwt
import zstandard
from botocore.exceptions import BotoCoreError, ClientError

Line = tuple[bytes, bytes | None]
"""Resource, zero byte, key or prefix; and the record's JSON, None for a tombstone."""

_KEY_LINE = re.compile(rb'\{"key":"([^"]+)",(?:"value":(.+)|"gone":true)\}', re.DOTALL)
_PREFIX_LINE = re.compile(rb'\{"resource":"([^"]+)","prefix":"([^"]*)","gone":true\}')


class Unopenable(Exception):
    """What is stored is missing, damaged, or not to be opened; says which part and why."""


class Folder:
    """Blobs as files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get(self, name: str) -> bytes:
        try:
            return (self._folder / name).read_bytes()
        except OSError as error:
            raise Unopenable(f"{name} cannot be read: {error.strerror}.") from None

    def names(self, prefix: str) -> list[str]:
        files = (path for path in (self._folder / prefix).rglob("*") if path.is_file() and path.name[0] != ".")
        return [str(path.relative_to(self._folder)) for path in files]


class Bucket:
    """Blobs in S3."""

    def __init__(self, bucket: str, prefix: str) -> None:
        self._bucket, self._prefix = bucket, f"{prefix}/" if prefix else ""
        self._client = boto3.client("s3", region_name=os.environ.get("AWS_REGION"))  # noqa: TID251 - has no config

    def get(self, name: str) -> bytes:
        try:
            body: bytes = self._client.get_object(Bucket=self._bucket, Key=self._prefix + name)["Body"].read()
        except (ClientError, BotoCoreError) as error:
            raise Unopenable(f"{name} cannot be read: {error}") from None
        return body

    def names(self, prefix: str) -> list[str]:
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=self._prefix + prefix
        )
        try:
            found = [blob["Key"] for page in pages for blob in page.get("Contents", [])]
        except (ClientError, BotoCoreError) as error:
            raise Unopenable(f"The bucket {self._bucket} cannot be listed: {error}") from None
        return [key.removeprefix(self._prefix) for key in found]


def open_store(url: str) -> Folder | Bucket:
    """The store at the URL. Raises ValueError for a URL of another kind."""
    parts = urlsplit(url)
    if parts.scheme == "file" and parts.path:
        return Folder(Path(unquote(parts.path)))
    if parts.scheme == "s3" and parts.netloc:
        return Bucket(parts.netloc, parts.path.strip("/"))
    raise ValueError


class Safe:
    """Opens sealed blobs of one tenant; asks KMS once a data key."""

    def __init__(self, store: Folder | Bucket, tenant: str) -> None:
        self.store, self.tenant = store, tenant
        self._keys: dict[bytes, bytes] = {}

    def open(self, name: str, kind: str, sha256: str | None = None) -> tuple[dict[Any, Any], bytes]:
        """The protected header and the plaintext of the blob, held against its hash if that is known."""
        sealed = self.store.get(name)
        if sha256 is not None and hashlib.sha256(sealed).hexdigest() != sha256:
            raise Unopenable(f"{name} is damaged: its SHA-256 is not its name.")
        header = protected(sealed, name)
        key = cwt.COSEKey.from_symmetric_key(self._data_key(header[4]), alg="A256GCM", kid=header[4])
        aad = cbor2.dumps(["entrakeep/1", self.tenant, kind])
        try:
            return header, cwt.COSE.new().decode(sealed, key, external_aad=aad)
        except (cwt.CWTError, ValueError, TypeError):
            raise Unopenable(f"{name} is damaged, or belongs to another tenant.") from None

    def _data_key(self, key_id: bytes) -> bytes:
        if key_id not in self._keys:
            self._keys[key_id] = self._unwrap(key_id)
        return self._keys[key_id]

    def _unwrap(self, key_id: bytes) -> bytes:
        """The data key out of its newest key object that KMS opens. Its id is an HMAC under itself."""
        objects = self.store.names(f"{self.tenant}/keys/{key_id.hex()}/")
        said = "it has no key object"
        for name in sorted(objects, key=lambda name: (len(name), name), reverse=True):
            try:
                wrapped = json.loads(self.store.get(name))
                answer = boto3.client("kms", region_name=wrapped["arn"].split(":")[3]).decrypt(
                    KeyId=wrapped["arn"],
                    CiphertextBlob=base64.b64decode(wrapped["wrapped"]),
                    EncryptionContext=wrapped["context"],
                )
            except (ClientError, BotoCoreError) as error:
                said = f"AWS KMS does not open {name}: {error}"
                continue
            except (LookupError, TypeError, ValueError, AttributeError):
                said = f"{name} is damaged"
                continue
            key: bytes = answer["Plaintext"]
            if hmac.digest(key, b"entrakeep/1 data key id", "sha256") == key_id:
                return key
            said = f"{name} holds another data key"
        raise Unopenable(f"The data key {key_id.hex()} cannot be had: {said}.")


def protected(sealed: bytes, name: str) -> dict[Any, Any]:
    """What a sealed blob says without a key: {1: algorithm, 4: data key id, "format": 1, …}."""
    try:
        header = cbor2.loads(cbor2.loads(sealed).value[0])
        known = header["format"] == 1
        sound = isinstance(header[4], bytes)
    except (cbor2.CBORError, AttributeError, EOFError, LookupError, TypeError, ValueError):
        raise Unopenable(f"{name} is damaged.") from None
    if not known:
        raise Unopenable(f"{name} is of format {header['format']}, and this script knows format 1.")
    if not sound:
        raise Unopenable(f"{name} is damaged.")
    return dict(header)


def snapshots(store: Folder | Bucket, tenant: str) -> list[tuple[str, str]]:
    """``(time, snapshot id)`` of the tenant's manifests, oldest first, as they say without a key.

    One that says nothing is named on standard error, and does not keep the others from being found.
    """
    found = []
    for name in store.names(f"{tenant}/snapshots/"):
        try:
            found.append((str(protected(store.get(name), name).get("time")), name.rpartition("/")[2]))
        except Unopenable as error:
            print(f"{error} It is left out.", file=sys.stderr)
    return sorted(found)


def read_manifest(safe: Safe, snapshot: str) -> dict[str, Any]:
    """The snapshot's manifest; in its header and inside it must name this tenant and snapshot."""
    name = f"{safe.tenant}/snapshots/{snapshot}"
    header, text = safe.open(name, "manifest")
    manifest: dict[str, Any] = json.loads(text)
    named = {(header.get("tenant"), header.get("snapshot")), (manifest["tenant_id"], manifest["snapshot_id"])}
    if named != {(safe.tenant, snapshot)}:
        raise Unopenable(f"{name} is the manifest of another snapshot.")
    return manifest


def run_lines(safe: Safe, run: dict[str, Any]) -> Iterator[Line]:
    """The run's lines, chunk by chunk, each held against the manifest's word on it."""
    for chunk in run["chunks"]:
        name = f"{safe.tenant}/jobs/{run['job_id']}/{chunk['name']}"
        _, frame = safe.open(name, "chunk", chunk["name"])
        lines = [parsed(text, name) for text in zstandard.ZstdDecompressor().decompress(frame).split(b"\n")]
        told = (chunk["lines"], chunk["first"].encode(), chunk["last"].encode())
        if (len(lines), lines[0][0], lines[-1][0]) != told:
            raise Unopenable(f"{name} does not hold what the manifest says.")
        yield from lines


def parsed(text: bytes, name: str) -> Line:
    """One line of a chunk. The value stays the bytes that Graph sent."""
    if match := _KEY_LINE.fullmatch(text):
        resource = b".".join(match[1].split(b"/")[::2])
        return resource + b"\0" + match[1], match[2]
    if match := _PREFIX_LINE.fullmatch(text):
        return match[1] + b"\0" + match[2], None
    raise Unopenable(f"{name} holds a line that is none.")


def aged(run: Iterable[Line], age: int) -> Iterator[tuple[bytes, int, bytes | None]]:
    """The lines with the age of their run, so that of equal lines the newest (largest age) sorts first."""
    return ((order, -age, value) for order, value in run)


def merged(runs: list[Iterator[Line]]) -> Iterator[tuple[bytes, bytes]]:
    """The records of a stream from its runs, oldest first: the newest line wins, a prefix hides what is older than it."""
    prefixes: list[tuple[bytes, int]] = []
    last = None
    for order, minus_age, value in heapq.merge(*(aged(run, age) for age, run in enumerate(runs))):
        while prefixes and not order.startswith(prefixes[-1][0]):
            prefixes.pop()
        if order[-1:] in (b"/", b"\0"):
            prefixes.append((order, minus_age))
        elif order != last:
            last = order
            if value is not None and all(minus_age <= prefix_age for _, prefix_age in prefixes):
                yield order, value


def write_records(safe: Safe, snapshot: str, write: Callable[[bytes], object]) -> int:
    """Writes the snapshot's records as lines; how many."""
    manifest = read_manifest(safe, snapshot)
    streams = [merged([run_lines(safe, run) for run in stream["runs"]]) for stream in manifest["streams"]]
    owners = {name.encode(): set[bytes]() for name in owning(manifest["streams"])}
    count = 0
    for order, value in heapq.merge(*streams):  # an owner's resource sorts before what belongs to it
        resource, _, key = order.partition(b"\0")
        folder, belongs = key.split(b"/")[:2], resource.partition(b".")[0]
        if resource in owners:
            owners[resource].add(key)
        elif belongs in owners and key.count(b"/") > 1 and b"/".join(folder) not in owners[belongs]:
            continue
        write(b'{"key": "%b", "value": %b}\n' % (key, value))
        count += 1
    return count


def owning(streams: list[dict[str, Any]]) -> set[str]:
    """Resources whose objects own records of other streams. Only if read whole: else nothing is known of them."""
    whole = {name: stream["stream"] for stream in streams if stream["answer"] == "whole" for name in stream["records"]}
    others = {(name.partition(".")[0], stream["stream"]) for stream in streams for name in stream["records"]}
    return {owner for owner, stream in others if whole.get(owner, stream) != stream}


def write_file(safe: Safe, snapshot: str, path: Path) -> int:
    """As ``write_records``, into a file that appears whole or not at all."""
    descriptor, part = tempfile.mkstemp(prefix=".rescue-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            count = write_records(safe, snapshot, file.write)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(part)
        raise
    return count


def main(words: Sequence[str]) -> int:
    """Reads the command line, opens what it names; the exit status."""
    parser = argparse.ArgumentParser(description="Opens a snapshot of Entrakeep with nothing of Entrakeep.")
    parser.add_argument("store", help="s3://bucket/prefix or file:///folder")
    parser.add_argument("tenant", help="the tenant's id")
    parser.add_argument("snapshot", nargs="?", help="a snapshot's id, or latest")
    parser.add_argument("--list", action="store_true", help="list the snapshots; needs no key")
    parser.add_argument("-o", metavar="FILE", type=Path, help="where to write; the terminal if not given")
    asked = parser.parse_args(words)
    if asked.list == (asked.snapshot is not None):
        parser.error("give either a snapshot or --list")
    for name in filter(None, (asked.tenant, asked.snapshot)):
        if not re.fullmatch(r"[A-Za-z0-9-]+", name):
            parser.error(f"{name} is no id")
    try:
        safe = Safe(open_store(asked.store), asked.tenant)
    except ValueError:
        parser.error("the store must be s3://bucket/prefix or file:///folder")
    try:
        return rescue(safe, asked.snapshot, asked.o, sys.stdout.buffer)
    except (Unopenable, OSError, zstandard.ZstdError) as error:
        print(error, file=sys.stderr)
        return 1


def rescue(safe: Safe, snapshot: str | None, path: Path | None, terminal: BinaryIO) -> int:
    """Lists the snapshots, or writes one."""
    if snapshot is None or snapshot == "latest":
        found = snapshots(safe.store, safe.tenant)
        if snapshot is None:
            terminal.writelines(f"{name}  {time}\n".encode() for time, name in found)
            return 0
        if not found:
            raise Unopenable(f"There is no snapshot of {safe.tenant} in the store.")
        snapshot = found[-1][1]
    count = write_file(safe, snapshot, path) if path else write_records(safe, snapshot, terminal.write)
    terminal.flush()
    print(f"{count} records of snapshot {snapshot}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
