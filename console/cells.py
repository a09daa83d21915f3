"""Cells and rows of CSV files (RFC 4180) that no spreadsheet calculates."""

import csv
import io
from collections.abc import Iterable

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
"""What spreadsheets take for the beginning of a formula."""


def safe_cell(text: str) -> str:
    """Return the text, with an apostrophe in front if a spreadsheet would take it for a formula."""
    return f"'{text}" if text.lstrip().startswith(_FORMULA) else text


def csv_row(cells: Iterable[str]) -> bytes:
    """Return a row of cells, each as ``safe_cell`` returns it."""
    text = io.StringIO(newline="")
    csv.writer(text).writerow(map(safe_cell, cells))
    return text.getvalue().encode("utf-8", "backslashreplace")
