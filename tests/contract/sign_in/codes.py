"""A password that has its one-time codes from the beginning."""

from collections.abc import Sequence

import msgspec

from shared.engine.access.codes import hashes_of, new_codes
from shared.engine.access.ways import new_password
from shared.ports.catalog.ways import NewPassword
from shared.ports.passwords import Passwords


def password_with_codes(passwords: Passwords, password: str) -> tuple[NewPassword, Sequence[str]]:
    """Return a password as a way to sign in, and its codes."""
    codes = new_codes()
    return msgspec.structs.replace(new_password(passwords, password), codes=hashes_of(codes, passwords)), codes
