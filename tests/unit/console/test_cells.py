"""Cells of CSV files are no formulas."""

import pytest

from console.cells import safe_cell


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "  =1", "\r=1", "＝1"])
def test_a_text_that_a_spreadsheet_would_calculate_gets_an_apostrophe(text: str) -> None:
    assert safe_cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "a=1", "Ada", "1-2", "'=1"])
def test_any_other_text_stays(text: str) -> None:
    assert safe_cell(text) == text
