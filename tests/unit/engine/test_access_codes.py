"""Codes as people type them."""

from hypothesis import given
from hypothesis import strategies as st

from shared.engine.access.codes import new_codes, new_set_up_code, parts_of_code, read_set_up_code


def test_a_code_tells_its_number_however_it_is_typed() -> None:
    codes = new_codes()
    assert [parts_of_code(code)[0] for code in codes] == list(range(1, 11))
    for code in codes:
        number, _, random = code.partition("-")
        assert parts_of_code(f" {number} - {random.lower().replace('-', ' ').replace('0', 'o')} ") == parts_of_code(
            code
        )


@given(st.text())
def test_any_text_may_be_typed_as_a_code(text: str) -> None:
    number, random = parts_of_code(text)
    assert (number, random) == (0, "") or len(random) == 12
    read_set_up_code(text)


def test_a_set_up_code_may_be_typed_in_lower_case_without_dashes() -> None:
    code = new_set_up_code()
    assert read_set_up_code(f" {code.lower().replace('-', ' ')}") == read_set_up_code(code)
    assert len(read_set_up_code(code)) * 5 >= 128
    assert code != new_set_up_code()
