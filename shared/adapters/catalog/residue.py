"""Searching a database's files for bytes that its tables hold no more, such as wrapped data keys whose rows were deleted.

Run as a program of its own, with the files as arguments and what to search for on standard input, in hex: SQLite's locks
belong to the process, and a process that closed the file here would drop those that it holds. Imports nothing of ours.
"""

import mmap
import subprocess
import sys
from collections import defaultdict
from collections.abc import Collection, Iterable
from pathlib import Path

_LEAD = 8
"""Bytes by which what is searched for is grouped: what one KMS key wraps begins alike, so there are few groups."""


def residue(files: Iterable[Path], wanted: Collection[bytes]) -> int:
    """Return how many of the byte strings stand somewhere in these files. A file that does not exist holds none.

    Raises subprocess.CalledProcessError if a file cannot be read.
    """
    argv = [sys.executable, "-I", __file__, *map(str, files)]
    text = "\n".join(each.hex() for each in wanted)
    return int(subprocess.run(argv, input=text, capture_output=True, text=True, check=True).stdout)


def _in_file(file: str, groups: dict[bytes, set[bytes]]) -> set[bytes]:
    if not Path(file).exists() or not Path(file).stat().st_size:
        return set()
    with Path(file).open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as text:
        return {each for lead, group in groups.items() for each in _in_text(text, lead, group)}


def _in_text(text: mmap.mmap, lead: bytes, group: set[bytes]) -> set[bytes]:
    lengths = {len(each) for each in group}
    found: set[bytes] = set()
    at = text.find(lead)
    while at >= 0:
        found |= group & {text[at : at + length] for length in lengths}
        at = text.find(lead, at + 1)
    return found


def _main() -> None:
    groups: dict[bytes, set[bytes]] = defaultdict(set)
    for each in map(bytes.fromhex, sys.stdin.read().split()):
        groups[each[:_LEAD]].add(each)
    print(len({each for file in sys.argv[1:] for each in _in_file(file, groups)}))


if __name__ == "__main__":
    _main()
