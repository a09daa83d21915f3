"""Search for text in records, regardless of case and of JSON escapes.

Folding the case of text that is not ASCII is slow. So a record is first searched for a part of the text that can be found in
its bytes. Only a record that has this part, or escapes, is folded as a whole.
"""

import json
import re

_ESCAPE = re.compile(r'(?:\\(?:u[0-9a-fA-F]{4}|["\\/bfnrt]))+')
"""Escapes of JSON (RFC 8259, section 7). Adjacent escapes match together, because a surrogate pair takes two."""
_ASCII = re.compile(r"[\x00-\x7f]+")
_FOLDED_TO_ASCII = (
    *"\u00df\u0130\u0149\u017f\u01f0\u1e96\u1e97\u1e98\u1e99\u1e9a\u1e9e\u212a",
    *"\ufb00\ufb01\ufb02\ufb03\ufb04\ufb05\ufb06",
)
_CASED = 0x20000
"""No character from this one on has another case."""
_TO_ASCII = {each.encode(): each.casefold().encode() for each in _FOLDED_TO_ASCII}
"""Every character outside ASCII whose case folding has ASCII characters, with that folding, in UTF-8."""


class TextSearch:
    """A search for one text in records."""

    def __init__(self, text: str) -> None:
        self._text = text.casefold()
        self._whole = self._text.isascii()
        self._part = max(_ASCII.findall(self._text), key=len, default="").encode()
        self._to_ascii = {each: folding for each, folding in _TO_ASCII.items() if _overlap(folding, self._part)}
        self._spellings = [] if self._part else _spellings(self._text)

    def matches(self, key: bytes, value: bytes) -> bool:
        """Return True if the key or the value of a record contains the text."""
        record = b"%b %b" % (key, value)
        written = self._may_contain(record)
        if written and self._whole:
            return True
        return (written or b"\\" in record) and self._text in _folded(record)

    def possible(self, records: bytes) -> bool:
        """Return False if none of these records, written one after the other, contains the text."""
        return b"\\" in records or self._may_contain(records)

    def _may_contain(self, records: bytes) -> bool:
        """Return False if no record contains the text in the form in which it is written, with its escapes."""
        if self._spellings:
            return any(spelling in records for spelling in self._spellings)
        folded = records.lower()
        if not folded.isascii():
            for character, folding in self._to_ascii.items():
                if character in folded:
                    folded = folded.replace(character, folding)
        return self._part in folded


def _folded(record: bytes) -> str:
    """Return the record, case-folded, and again with its escapes replaced."""
    text = record.decode("utf-8", "replace")
    if "\\" in text:
        text += " " + _ESCAPE.sub(lambda match: str(json.loads(f'"{match[0]}"')), text)
    return text.casefold()


def _overlap(folding: bytes, part: bytes) -> bool:
    """Return True if ``part`` and ``folding`` contain each other or overlap at an end.

    Then a text that contains ``part`` can have a character whose case folding is ``folding``.
    """
    ends = range(1, len(folding))
    return (
        folding in part
        or part in folding
        or any(part.startswith(folding[end:]) or part.endswith(folding[:end]) for end in ends)
    )


def _spellings(text: str) -> list[bytes]:
    """Return the characters, in UTF-8, whose case folding contains a certain character of the text.

    That is the character for which there are fewest of them. The list is empty if the text is empty.
    """
    spellings: dict[str, list[bytes]] = {each: [] for each in text}
    for character in (*map(chr, range(_CASED)), *(each for each in text if ord(each) >= _CASED)):
        for folded in spellings.keys() & character.casefold():
            spellings[folded].append(character.encode("utf-8", "surrogatepass"))
    return min(spellings.values(), key=len, default=[])
