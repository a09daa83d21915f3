"""Measure the bytes that restic and borg store for the same objects, written as one JSON file each."""

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
    """A page of a delta round, with its entries as Graph sent them."""

    value: list[msgspec.Raw]


class Entry(msgspec.Struct):
    """The part of an entry that names its file."""

    id: str


class Archive(msgspec.Struct, frozen=True, kw_only=True):
    """One program's repository."""

    program: str
    stored: int | None
    """Bytes of all its files; None if the program is not installed."""
    seconds: float | None
    """Seconds that it took to fill it; None if the program is not installed."""


def write_files(client: httpx.Client, streams: tuple[str, ...], folder: Path) -> tuple[int, int]:
    """Write one file per object, with its links as Graph's delta sends them. Return the number of files and their bytes.

    An object that the round sends several times has one line for each different entry.
    """
    page_decoder, entry_decoder = msgspec.json.Decoder(Page), msgspec.json.Decoder(Entry)
    files = size = 0
    for stream in streams:
        entries: defaultdict[str, dict[bytes, None]] = defaultdict(dict)
        for answer in pages(client, stream):
            for text in page_decoder.decode(answer.content).value:
                entries[entry_decoder.decode(text).id][bytes(text)] = None
        target = folder / stream
        target.mkdir(parents=True)
        for object_id, lines in entries.items():
            size += (target / f"{object_id}.json").write_bytes(b"\n".join(lines))
        files += len(entries)
    return files, size


def archives(objects: Path, folder: Path) -> list[Archive]:
    """Fill each program's repository, made in ``folder``, with the files below ``objects``.

    Raises CalledProcessError if a program fails.
    """
    return [
        _archive("restic", objects, folder, _restic),
        _archive("borg", objects, folder, _borg),
    ]


def _archive(program: str, objects: Path, folder: Path, fill: Callable[[Path, Path], None]) -> Archive:
    if shutil.which(program) is None:
        return Archive(program=program, stored=None, seconds=None)
    repository = folder / program
    started_at = time.perf_counter()
    fill(objects, repository)
    seconds = time.perf_counter() - started_at
    return Archive(program=program, stored=size_of(repository), seconds=seconds)


def _restic(objects: Path, repository: Path) -> None:
    """Back up with restic and its default compression (version 2 of its repository format: Zstandard)."""
    command = ["restic", "--repo", str(repository), "--no-cache", "--quiet"]
    _run([*command, "init"], objects, {"RESTIC_PASSWORD": _PASSWORD})
    _run([*command, "backup", "."], objects, {"RESTIC_PASSWORD": _PASSWORD})


def _borg(objects: Path, repository: Path) -> None:
    """Back up with borg and Zstandard at level 3, because borg's default lz4 compresses less."""
    variables = {"BORG_PASSPHRASE": _PASSWORD, "BORG_BASE_DIR": str(repository.parent / "borg-home")}
    _run(["borg", "init", "--encryption", "repokey", str(repository)], objects, variables)
    _run(["borg", "create", "--compression", "zstd,3", f"{repository}::objects", "."], objects, variables)


def _run(argv: list[str], folder: Path, variables: dict[str, str]) -> None:
    subprocess.run(argv, cwd=folder, env=os.environ | variables, check=True, capture_output=True)
