"""Searching a database's files for bytes that its tables hold no more, such as wrapped data keys whose rows were deleted."""

import mmap
from collections import defaultdict
from collections.abc import Collection, Iterable
from pathlib import Path

_LEAD = 8
"""Bytes by which what is searched for is grouped: what one KMS key wraps begins alike, so there are few groups."""


def residue(files: Iterable[Path], wanted: Collection[bytes]) -> int:
    """Return how many of the byte strings stand somewhere in these files. A file that does not exist holds none."""
    groups: dict[bytes, set[bytes]] = defaultdict(set)
    for each in wanted:
        groups[each[:_LEAD]].add(each)
    found: set[bytes] = set()
    for file in files:
        found |= _in_file(file, groups)
    return len(found)


def _in_file(file: Path, groups: dict[bytes, set[bytes]]) -> set[bytes]:
    try:
        with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as text:
            return {each for lead, group in groups.items() for each in _in_text(text, lead, group)}
    except FileNotFoundError:
        return set()
    except ValueError:  # an empty file cannot be mapped
        return set()


def _in_text(text: mmap.mmap, lead: bytes, group: set[bytes]) -> set[bytes]:
    lengths = {len(each) for each in group}
    found: set[bytes] = set()
    at = text.find(lead)
    while at >= 0:
        found |= group & {text[at : at + length] for length in lengths}
        at = text.find(lead, at + 1)
    return found
