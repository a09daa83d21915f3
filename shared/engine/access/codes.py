"""Codes that people type: one-time codes, and the code of the set-up.

A one-time code is printed on paper, and used once together with the password. It is its number and 60 random bits in letters
that are not confused: ``3-K7Q2-9HTM-WX4D``. The number names the one hash to compare with, which is a slow one. The set-up
code has 140 random bits, so that a fast hash protects it.
"""

import re
import secrets
from collections.abc import Sequence

from shared.domain.people import NUMBER_OF_CODES
from shared.ports.passwords import Passwords

_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's base 32."""
_GROUPS, _GROUP = 3, 4
_SET_UP_GROUPS = 7
_READ_AS = str.maketrans("OIL", "011")
_CODE = re.compile(rf"(?P<number>[0-9]{{1,2}})(?P<random>[{_LETTERS}]{{{_GROUPS * _GROUP}}})")


def new_codes() -> list[str]:
    """Return new codes, numbered from 1, as people see them."""
    return [f"{number}-{'-'.join(_group() for _ in range(_GROUPS))}" for number in range(1, NUMBER_OF_CODES + 1)]


def parts_of_code(text: str) -> tuple[int, str]:
    """Return number and random part of a code as somebody typed it: in any case, with any spaces and hyphens.

    Return 0 and an empty text if it cannot be a code. No code has them.
    """
    head, _, rest = text.strip().upper().partition("-")
    random = re.sub(r"[\s-]", "", rest).translate(_READ_AS)
    match = _CODE.fullmatch(head.strip() + random) if head.strip().isdecimal() else None
    return (int(match["number"]), match["random"]) if match else (0, "")


def hashes_of(codes: Sequence[str], passwords: Passwords) -> tuple[str, ...]:
    """Return the hashes to store, in the order of the codes' numbers."""
    return tuple(passwords.hash(parts_of_code(code)[1]) for code in codes)


def new_set_up_code() -> str:
    """Return a new set-up code, as people see it."""
    return "-".join(_group() for _ in range(_SET_UP_GROUPS))


def read_set_up_code(text: str) -> str:
    """Return a set-up code as it is hashed, however somebody typed it."""
    return re.sub(r"[\s-]", "", text.upper()).translate(_READ_AS)


def _group() -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(_GROUP))
