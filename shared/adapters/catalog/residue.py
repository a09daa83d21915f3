"""Search a database's files for bytes that its tables no longer contain, such as deleted wrapped data keys.

Runs as a program of its own: the arguments are the files, standard input holds the byte strings in hex. SQLite's locks
belong to the process, and closing the file in this process would release them. Imports nothing of this project.
"""

import mmap
import subprocess
import sys
from collections import defaultdict
from collections.abc import Collection, Iterable
from pathlib import Path

_LEAD = 8
"""Bytes of the prefix that groups the byte strings. What one KMS key wraps begins alike, so there are few groups."""


def residue(files: Iterable[Path], wanted: Collection[bytes]) -> int:
    """Return how many of the byte strings occur in these files. A missing file contains none.

    Raises subprocess.CalledProcessError if a file cannot be read.
    """
    argv = [sys.executable, "-I", __file__, *map(str, files)]
    text = "\n".join(each.hex() for each in wanted)
    return int(subprocess.run(argv, input=text, capture_output=True, text=True, check=True).stdout)


def _in_file(file: str, groups: dict[bytes, set[bytes]]) -> set[bytes]:
    """Return the byte strings that occur in the file."""
    if not Path(file).exists() or not Path(file).stat().st_size:
        return set()
    with Path(file).open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return {each for lead, group in groups.items() for each in _in_text(content, lead, group)}


def _in_text(text: mmap.mmap, lead: bytes, group: set[bytes]) -> set[bytes]:
    """Return the byte strings of a group that occur in the text."""
    lengths = {len(each) for each in group}
    matches: set[bytes] = set()
    position = text.find(lead)
    while position >= 0:
        matches |= group & {text[position : position + length] for length in lengths}
        position = text.find(lead, position + 1)
    return matches


def _main() -> None:
    """Read the byte strings, search the files, and print how many occur."""
    groups: dict[bytes, set[bytes]] = defaultdict(set)
    for each in map(bytes.fromhex, sys.stdin.read().split()):
        groups[each[:_LEAD]].add(each)
    print(len({each for file in sys.argv[1:] for each in _in_file(file, groups)}))


if __name__ == "__main__":
    _main()
