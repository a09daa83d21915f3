"""A value with no printed form: data keys, client secrets, certificates, cursors."""

from typing import Never, final


@final
class Secret:
    """Bytes that must not reach a log, an exception or a row. Only ``reveal`` returns them.

    Its ``repr`` does not show them. It cannot be pickled, formatted or encoded by accident, and it compares by
    identity.
    """

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        self._value = value

    def reveal(self) -> bytes:
        """Return the bytes themselves."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(...)"

    def __reduce__(self) -> Never:
        raise TypeError("a Secret cannot be pickled")
