"""What restic and borg need for the same objects as one JSON file each, beside what a first backup stores of them."""

import os
import shutil
import subprocess
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import httpx
import msgspec

from benchmarks.downloading import pages
from benchmarks.measure import size_of

_PASSWORD = "measured"


class Page(msgspec.Struct):
    """The entries of a page, as Graph sent them."""

    value: list[msgspec.Raw]


class Entry(msgspec.Struct):
    """What names an entry's file."""

    id: str


class Archive(msgspec.Struct, frozen=True, kw_only=True):
    """One program's repository: bytes of all its files, and the seconds that it took to fill it; None if there is no such
    program here."""

    program: str
    stored: int | None
    seconds: float | None


def write_files(client: httpx.Client, streams: tuple[str, ...], folder: Path) -> tuple[int, int]:
    """One file for each object, with its links in it as Graph's delta tells them; how many files, and their bytes.

    An object that comes again with further links has a line for each time, and one that is repeated whole has one.
    """
    envelope, named = msgspec.json.Decoder(Page), msgspec.json.Decoder(Entry)
    files = size = 0
    for stream in streams:
        entries: defaultdict[str, dict[bytes, None]] = defaultdict(dict)
        for answer in pages(client, stream):
            for text in envelope.decode(answer.content).value:
                entries[named.decode(text).id][bytes(text)] = None
        below = folder / stream
        below.mkdir(parents=True)
        for object_id, lines in entries.items():
            size += (below / f"{object_id}.json").write_bytes(b"\n".join(lines))
        files += len(entries)
    return files, size


def archives(objects: Path, folder: Path) -> list[Archive]:
    """Each program's repository of the files below ``objects``, made in ``folder``. Raises if a program fails."""
    return [
        _archive("restic", objects, folder, _restic),
        _archive("borg", objects, folder, _borg),
    ]


def _archive(program: str, objects: Path, folder: Path, fill: Callable[[Path, Path], None]) -> Archive:
    if shutil.which(program) is None:
        return Archive(program=program, stored=None, seconds=None)
    repository = folder / program
    began = time.perf_counter()
    fill(objects, repository)
    seconds = time.perf_counter() - began
    return Archive(program=program, stored=size_of(repository), seconds=seconds)


def _restic(objects: Path, repository: Path) -> None:
    """With the compression that restic has by itself (version 2 of its repository format: Zstandard)."""
    to = ["restic", "--repo", str(repository), "--no-cache", "--quiet"]
    _run([*to, "init"], objects, {"RESTIC_PASSWORD": _PASSWORD})
    _run([*to, "backup", "."], objects, {"RESTIC_PASSWORD": _PASSWORD})


def _borg(objects: Path, repository: Path) -> None:
    """With Zstandard at level 3; by itself borg takes lz4, which is weaker."""
    own = {"BORG_PASSPHRASE": _PASSWORD, "BORG_BASE_DIR": str(repository.parent / "borg-home")}
    _run(["borg", "init", "--encryption", "repokey", str(repository)], objects, own)
    _run(["borg", "create", "--compression", "zstd,3", f"{repository}::objects", "."], objects, own)


def _run(argv: list[str], folder: Path, own: dict[str, str]) -> None:
    subprocess.run(argv, cwd=folder, env=os.environ | own, check=True, capture_output=True)
