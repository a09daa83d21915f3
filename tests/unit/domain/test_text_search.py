"""A search by bytes equals one that folds every record."""

import json
import sys

from hypothesis import example, given
from hypothesis import strategies as st

from shared.domain.text_search import TextSearch

_SPECIAL = "\u00df\u1e9e\u0130\u0131\u0149\u017f\u01f0\u212a\ufb03\ufb06\u02bc\u0307\u0331"
_TEXT = st.text(
    st.sampled_from(f'aAsSiIkKfFtTnN \u00fc\u00dc\u0436\u0416\u4e2d/"\\{_SPECIAL}\U0001f600\ud800'), max_size=8
)


def _is_in(text: str, key: bytes, value: bytes) -> bool:
    written = f"{key.decode()} {value.decode('utf-8', 'replace')}".casefold()
    meant = f"{value.decode('utf-8', 'replace')} {json.loads(value)}".casefold()
    return text.casefold() in written or text.casefold() in meant


@given(_TEXT, st.lists(_TEXT, min_size=1, max_size=3), st.booleans())
@example("strasse", ["HAUPTSTRA\u1e9eE"], False)
@example("\U00020000", ["\U00020000"], False)
@example("", ["a"], False)
@example("ss ", ["\u00df "], False)
def test_a_text_matches_as_if_each_record_were_folded_whole(text: str, words: list[str], escaped: bool) -> None:
    value = json.dumps(" ".join(words), ensure_ascii=escaped).encode("utf-8", "ignore")
    search = TextSearch(text)
    assert search.matches(b"users/1", value) == _is_in(text, b"users/1", value)
    assert search.possible(b"users/1 " + value) or not search.matches(b"users/1", value)


def test_every_character_that_folds_to_another_is_found_by_it() -> None:
    for character in map(chr, range(0x80, sys.maxunicode + 1)):
        folded = character.casefold()
        if folded != character and any(each.isascii() for each in folded):
            assert TextSearch(folded).matches(b"users/1", character.encode()), hex(ord(character))
        assert folded == character or ord(character) < 0x20000


def test_records_without_the_text_are_ruled_out_together() -> None:
    records = b'"J\xc3\xbcrgen"\n"Ana"'
    for text, possible in (("bianchi", False), ("J\u00dcR", True), ("\u0436", False), ("ana", True)):
        assert TextSearch(text).possible(records) is possible, text
    assert TextSearch("bianchi").possible(b'"B\\u0069anchi"')
