"""The listing of operations: aligned, reasons given once, folded on a narrow terminal."""

from console.cli.operation_lines import Entry, lines


def entry(number: str, action: str, subject: str, *reasons: str, values: tuple[str, ...] = ()) -> Entry:
    return Entry(cells=(number, action, "groups"), subject=subject, reasons=reasons, group=action, values=values)


def test_columns_are_aligned_and_an_equal_reason_of_the_same_group_is_given_once() -> None:
    listing = [
        entry("9", "link", "Sales → Ada", "The directory lacks it."),
        entry("10", "link", "Sales → Bo", "The directory lacks it."),
        entry("11", "undelete", "Sales", "The directory lacks it."),
    ]
    assert list(lines(listing, None)) == [
        "9   link      groups  Sales → Ada",
        "    The directory lacks it.",
        "10  link      groups  Sales → Bo",
        "11  undelete  groups  Sales",
        "    The directory lacks it.",
    ]


def test_on_a_terminal_lines_are_folded_between_words_and_ids_stay_whole() -> None:
    long_id = "5d2f7a90-3b1e-4c8a-9a67-2e4b8c0d1f22"
    listing = [entry("1", "patch", f"{long_id}: department, jobTitle", "It " + "very " * 12 + "much differs.")]
    folded = list(lines(listing, 60))
    assert all(len(line) <= 60 for line in folded)
    assert any(long_id in line for line in folded)
    assert " ".join("".join(f"{line} " for line in folded).split()).endswith("much differs.")


def test_values_to_set_by_hand_stand_below_the_reason() -> None:
    listing = [entry("1", "x", "Terms", "An administrator must set it.", values=('displayName = "Terms"',))]
    assert list(lines(listing, None))[-1].strip() == 'displayName = "Terms"'


def test_an_empty_listing_has_no_lines() -> None:
    assert list(lines([], None)) == []


def test_a_name_from_the_directory_cannot_command_the_terminal_or_add_a_line() -> None:
    listing = [entry("1", "patch", "Ada\x1b[31m\nRoot", "It \x1b]0;title\x07 differs.", "Two\nlines.")]
    assert list(lines(listing, None)) == [
        "1  patch  groups  Ada?[31m Root",
        "   It ?]0;title? differs.",
        "   Two lines.",
    ]
