"""Open a snapshot of Entrakeep with nothing of Entrakeep: the bucket or folder, the KMS key, and docs/format.md.

    pip install boto3 cbor2 cryptography zstandard
    python rescue.py file:///folder|s3://bucket/prefix TENANT --list
    python rescue.py file:///folder|s3://bucket/prefix TENANT SNAPSHOT|latest --key ARN... [-o FILE] [--orphan]

TENANT is the tenant's id, the name of its folder in the store. Whoever may write to the store can make it name a KMS key of
its own, and a snapshot that only looks like yours: so name the KMS keys that you trust, each with --key. Without it the keys
that the store names are listed, and KMS is not asked. AWS credentials, Region and endpoints come the AWS way. The records go
to FILE or to the terminal, by resource and then by key, as ``entrakeep download`` writes them. Exit status: 0 done; 1 refused
(keep nothing of what was written), as something is missing, damaged or not what its name says; 2 wrong use.
"""

import argparse
import base64
import contextlib
import hashlib
import heapq
import hmac
import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import boto3
import cbor2
import zstandard
from botocore.exceptions import BotoCoreError, ClientError
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

Line = tuple[bytes, bytes | None]
"""Resource, zero byte, key or prefix; and the record's JSON, None for a tombstone."""

KEY_LINE = re.compile(rb'\{"key":"([^"]+)",(?:"value":(.+)|"gone":true)\}', re.DOTALL)
PREFIX_LINE = re.compile(rb'\{"resource":"([^"]+)","prefix":"([^"]*)","gone":true\}')
UUID, NUMBER = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", r"[1-9][0-9]{0,14}"


class Refused(Exception):
    """What is stored is missing, damaged or not to be trusted; says which part and why."""


@contextlib.contextmanager
def naming(name: str) -> Iterator[None]:
    """Name the blob with which something is wrong."""
    try:
        yield
    except Refused:
        raise
    except (BotoCoreError, ClientError, OSError) as error:
        raise Refused(f"{name} cannot be read: {error}") from None
    except Exception:
        raise Refused(f"{name} is damaged, or is not what its name says.") from None


def require(sound: bool) -> None:
    if not sound:
        raise ValueError


def open_store(url: str) -> tuple[Callable[[str], bytes], Callable[[str], list[str]]]:
    """Return what reads a blob by its name, and what lists names."""
    parts = urlsplit(url)
    if parts.scheme == "file":
        top = Path(unquote(parts.path))
        return (
            lambda name: (top / name).read_bytes(),
            lambda prefix: [path.relative_to(top).as_posix() for path in (top / prefix).rglob("*") if path.is_file()],
        )
    if parts.scheme != "s3":
        raise Refused("The store must be s3://bucket/prefix or file:///folder.")
    s3 = boto3.client("s3", region_name=os.environ.get("AWS_REGION"))  # noqa: TID251 - has no config
    bucket, below = parts.netloc, f"{parts.path.strip('/')}/".lstrip("/")

    def names(prefix: str) -> list[str]:
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=below + prefix)
        return [blob["Key"].removeprefix(below) for page in pages for blob in page.get("Contents", [])]

    return lambda name: s3.get_object(Bucket=bucket, Key=below + name)["Body"].read(), names


def split(name: str, sealed: bytes) -> tuple[dict[Any, Any], bytes, bytes, bytes]:
    """Return protected header, its bytes, IV and ciphertext of a blob in the one encoding that Entrakeep writes."""
    protected, unprotected, ciphertext = cbor2.loads(sealed).value
    require(sealed == cbor2.dumps(cbor2.CBORTag(16, [protected, {5: unprotected[5]}, ciphertext])))
    header = cbor2.loads(protected)
    if (header["format"], header[1]) != (1, 3):
        raise Refused(f"{name} is of format {header['format']}, and this script knows format 1.")
    return header, protected, unprotected[5], ciphertext


class Safe:
    """Opens what is stored of one tenant by the KMS keys ``trusted``; asks KMS once a data key."""

    def __init__(self, store: str, tenant: str, trusted: Sequence[str]) -> None:
        self.read, self.list = open_store(store)
        self.tenant, self.trusted = tenant, trusted
        self.keys: dict[bytes, bytes] = {}
        self.strays: set[str] = set()

    def names(self, folder: str, form: str) -> list[str]:
        """Return the last segments of names in a folder of the tenant. Those of another form are somebody else's."""
        prefix = f"{self.tenant}/{folder}/"
        with naming(prefix):
            names = sorted(name.removeprefix(prefix) for name in self.list(prefix))
        strays = {prefix + name for name in names if not re.fullmatch(form, name)}
        for stray in sorted(strays - self.strays):
            print(f"Skipped, as not Entrakeep's: {stray!a}", file=sys.stderr)
        self.strays |= strays
        return [name for name in names if re.fullmatch(form, name)]

    def open(self, name: str, kind: str, sealed: bytes) -> tuple[dict[Any, Any], bytes]:
        """Return the protected header and the plaintext of a sealed blob."""
        header, protected, iv, ciphertext = split(name, sealed)
        bound = cbor2.dumps(["Encrypt0", protected, cbor2.dumps(["entrakeep/1", self.tenant, kind])])
        return header, AESGCM(self.data_key(header[4])).decrypt(iv, ciphertext, bound)

    def data_key(self, key_id: bytes) -> bytes:
        """Return the data key out of its newest key object under a trusted KMS key."""
        folder = f"keys/{key_id.hex()}"
        generations = [] if key_id in self.keys else sorted(map(int, self.names(folder, NUMBER)), reverse=True)
        for generation in generations:
            with naming(name := f"{self.tenant}/{folder}/{generation}"):
                stored = json.loads(self.read(name))
                context = {"tenant": self.tenant, "purpose": "backup"}
                fields = [stored[field] for field in ("format", "tenant", "id", "generation", "context")]
                require(fields == ["entrakeep/1", self.tenant, key_id.hex(), generation, context])
                if stored["arn"] in self.trusted:
                    self.keys[key_id] = self.unwrapped(key_id, stored)
                    break
                print(f"{name} names a KMS key that --key does not: {stored['arn']!a}", file=sys.stderr)
        if key_id not in self.keys:
            raise Refused(f"No key object under a trusted KMS key holds the data key {key_id.hex()}.")
        return self.keys[key_id]

    def unwrapped(self, key_id: bytes, stored: dict[str, Any]) -> bytes:
        """Return what KMS opens. The data key's id is an HMAC under itself."""
        kms = boto3.client("kms", region_name=stored["arn"].split(":")[3])
        wrapped = base64.b64decode(stored["wrapped"], validate=True)
        answer = kms.decrypt(KeyId=stored["arn"], CiphertextBlob=wrapped, EncryptionContext=stored["context"])
        require(hmac.digest(answer["Plaintext"], b"entrakeep/1 data key id", "sha256") == key_id)
        return bytes(answer["Plaintext"])

    def named_keys(self) -> list[str]:
        """Return the KMS keys that the tenant's key objects name, each once, with account and Region."""
        arns = set()
        for name in self.names("keys", f"[0-9a-f]{{64}}/{NUMBER}"):
            with contextlib.suppress(LookupError, TypeError, ValueError):
                arns.add(str(json.loads(self.read(f"{self.tenant}/keys/{name}"))["arn"]))
        named = [re.fullmatch(r"arn:[\w-]+:kms:([\w-]+):(\d+):[\w/-]+", arn) for arn in sorted(arns)]
        return [f"{match[0]} (account {match[2]}, Region {match[1]})" for match in named if match]

    def manifest(self, snapshot: str, sha256: str | None = None) -> dict[str, Any]:
        """Return the snapshot's manifest, which names tenant and snapshot in its header and inside."""
        with naming(name := f"{self.tenant}/snapshots/{snapshot}"):
            sealed = self.read(name)
            require(sha256 in (None, hashlib.sha256(sealed).hexdigest()))
            header, text = self.open(name, "manifest", sealed)
            manifest: dict[str, Any] = json.loads(text)
            named = [header["tenant"], header["snapshot"], manifest["tenant_id"], manifest["snapshot_id"]]
            require(named == [self.tenant, snapshot] * 2)
        return manifest

    def snapshots(self) -> list[tuple[str, str]]:
        """Return time and id of the snapshots, oldest first, as their manifests say without a key."""
        snapshots = []
        for snapshot in self.names("snapshots", UUID):
            try:
                with naming(name := f"{self.tenant}/snapshots/{snapshot}"):
                    snapshots.append((str(split(name, self.read(name))[0]["time"]), snapshot))
            except Refused as refused:
                print(f"{refused} It is left out.", file=sys.stderr)
        return sorted(snapshots)

    def check_parents(self, manifest: dict[str, Any]) -> None:
        """Refuse a snapshot if one that it builds on is missing or another, unless retention has let that go."""
        while parent := manifest["parent"]:
            try:
                manifest = self.manifest(parent, manifest["parent_sha256"])
            except Refused as refused:
                if self.let_go(parent):
                    return
                raise Refused(
                    f"{refused} {manifest['snapshot_id']} builds on it (--orphan: open it all the same)."
                ) from None

    def let_go(self, parent: str) -> bool:
        """Return whether a manifest says that retention has let the parent of a snapshot go."""
        for _, snapshot in reversed(self.snapshots()):
            with contextlib.suppress(Refused):
                if parent in self.manifest(snapshot).get("let_go", []):
                    return True
        return False

    def lines(self, run: dict[str, Any]) -> Iterator[Line]:
        """Yield the run's lines, chunk by chunk, each compared with what the manifest says of it."""
        for chunk in run["chunks"]:
            with naming(name := f"{self.tenant}/jobs/{run['job_id']}/{chunk['name']}"):
                sealed = self.read(name)
                require(hashlib.sha256(sealed).hexdigest() == chunk["name"])
                text = zstandard.ZstdDecompressor().decompress(self.open(name, "chunk", sealed)[1])
                lines = [parsed(line) for line in text.split(b"\n")]
                ends = [lines[0][0].decode(), lines[-1][0].decode()]
                require([len(lines), *ends] == [chunk["lines"], chunk["first"], chunk["last"]])
            yield from lines


def parsed(text: bytes) -> Line:
    """Return a line of a chunk, the value as Graph sent it. Raises TypeError for any other line."""
    if match := KEY_LINE.fullmatch(text):
        return b".".join(match[1].split(b"/")[::2]) + b"\0" + match[1], match[2]
    match = PREFIX_LINE.fullmatch(text)
    return match[1] + b"\0" + match[2], None  # type: ignore[index]


def aged(run: Iterator[Line], age: int) -> Iterator[tuple[bytes, int, bytes | None]]:
    """Yield the lines with the age of their run, so that of equal lines the newest (largest age) sorts first."""
    return ((order, -age, value) for order, value in run)


def merged(runs: Sequence[Iterator[Line]]) -> Iterator[tuple[bytes, bytes]]:
    """Yield a stream's records from its runs, oldest first: the newest line wins, a prefix hides what is older than it."""
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


def listed(stream: dict[str, Any]) -> list[tuple[str, str | None]]:
    """Return a stream's resources, each with the resource that its records belong to. Older manifests only name them."""
    resources = [(each["resource"], each["owner"]) for each in stream.get("resources", [])]
    return resources or [(name, name.rpartition(".")[0] or None) for name in stream["records"]]


def foreign_owners(streams: list[dict[str, Any]]) -> dict[bytes, bytes]:
    """Return, of resources whose records belong to objects of another stream that was read whole, that one's resource."""
    fed = {resource: stream for stream in streams for resource, _ in listed(stream)}
    pairs = [(stream, resource, owner) for stream in streams for resource, owner in listed(stream) if owner in fed]
    return {
        resource.encode(): owner.encode()
        for stream, resource, owner in pairs
        if owner is not None and fed[owner] is not stream and fed[owner]["answer"] == "whole"
    }


def records(safe: Safe, streams: list[dict[str, Any]]) -> Iterator[bytes]:
    """Yield the records as lines, without those that belong to an object that is not there."""
    owners = foreign_owners(streams)
    present: dict[bytes, set[bytes]] = {owner: set() for owner in owners.values()}
    for order, value in heapq.merge(*(merged([safe.lines(run) for run in stream["runs"]]) for stream in streams)):
        resource, _, key = order.partition(b"\0")  # an owner's resource sorts before what belongs to it
        segments = key.split(b"/")
        if resource in owners and b"/".join(segments[: (len(segments) - 1) // 2 * 2]) not in present[owners[resource]]:
            continue
        if resource in present:
            present[resource].add(key)
        yield b'{"key": "%b", "value": %b}\n' % (key, value)


def rescue(safe: Safe, snapshot: str, file: Path | None, *, orphan: bool) -> None:
    """Write the records of a snapshot to the terminal, or to a new file."""
    if snapshot == "latest":
        snapshots = safe.snapshots()
        if not snapshots:
            raise Refused(f"There is no snapshot of {safe.tenant} in the store.")
        snapshot = snapshots[-1][1]
    manifest = safe.manifest(snapshot)
    print(f"Snapshot {snapshot} of {manifest['created_at']}", file=sys.stderr)
    if not orphan:
        safe.check_parents(manifest)
    os.umask(0o077)
    with file.open("xb") if file else contextlib.nullcontext(sys.stdout.buffer) as out:
        out.writelines(records(safe, manifest["streams"]))


def main(words: Sequence[str]) -> int:
    """Read the command line, open what it names; return the exit status."""
    parser = argparse.ArgumentParser(description="Opens a snapshot of Entrakeep with nothing of Entrakeep.")
    parser.add_argument("store", help="s3://bucket/prefix or file:///folder")
    parser.add_argument("tenant", help="the tenant's id, the name of its folder in the store")
    parser.add_argument("snapshot", nargs="?", help="a snapshot's id, or latest")
    parser.add_argument("--list", action="store_true", help="list the snapshots; needs no key")
    parser.add_argument("--key", metavar="ARN", action="append", default=[], help="a KMS key to trust; may be repeated")
    parser.add_argument("-o", metavar="FILE", type=Path, help="a new file to write; the terminal if not given")
    parser.add_argument(
        "--orphan", action="store_true", help="even if a snapshot that it builds on is missing or changed"
    )
    arguments = parser.parse_args(words)
    if arguments.list == (arguments.snapshot is not None):
        parser.error("give either a snapshot or --list")
    try:
        safe = Safe(arguments.store, arguments.tenant, arguments.key)
        if arguments.list:
            sys.stdout.writelines(f"{snapshot}  {time}\n" for time, snapshot in safe.snapshots())
        elif not arguments.key:
            print(
                "Name the KMS keys that you trust with --key. The store names:",
                *safe.named_keys(),
                sep="\n  ",
                file=sys.stderr,
            )
            return 2
        else:
            rescue(safe, arguments.snapshot, arguments.o, orphan=arguments.orphan)
    except (BotoCoreError, Refused, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
