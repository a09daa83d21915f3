"""What the demo's first snapshot holds, by family of resources."""

from collections.abc import Mapping, Sequence
from typing import Any

from shared.domain.errors import Answer
from shared.domain.resources import RESOURCES
from shared.domain.resources.choice import FAMILIES

HEADINGS = ("family", "resources", "read whole", "switched off", "records")


def by_family(reports: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """Return the lines of a snapshot's completeness report by family, in the order of the table of resources."""
    lines: dict[str, list[Mapping[str, Any]]] = {family: [] for family in FAMILIES}
    for report in reports:
        lines[RESOURCES[report["resource"]].family].append(report)
    return {family: each for family, each in lines.items() if each}


def rows(families: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[tuple[str, ...]]:
    """Return a row for each family, under ``HEADINGS``."""
    return [(family, *map("{:,}".format, (len(reports), *_numbers(reports)))) for family, reports in families.items()]


def _numbers(reports: Sequence[Mapping[str, Any]]) -> tuple[int, int, int]:
    """Return how many resources were read whole, how many are switched off, and the number of records."""
    records = sum(report["records"] or 0 for report in reports)
    return _count(reports, Answer.WHOLE), _count(reports, Answer.SWITCHED_OFF), records


def sentence(families: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """Return how many resources of each family were read whole, as a sentence. Families that are off are left out."""
    counts = {family: _count(reports, Answer.WHOLE) for family, reports in families.items()}
    read = {family: number for family, number in counts.items() if number}
    named = ", ".join(f"{family} {number}" for family, number in read.items())
    return f"The whole directory: {sum(read.values())} resources of {len(read)} families ({named})."


def _count(reports: Sequence[Mapping[str, Any]], answer: Answer) -> int:
    """Return how many resources got this answer."""
    return sum(report["answer"] == answer for report in reports)
