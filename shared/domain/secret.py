"""A value with no printed form: data keys, client secrets, certificates, cursors."""

from typing import Never, final


@final
class Secret:
    """Bytes that must not reach a log, an exception or a row. Only ``reveal`` gives them out.

    It has no ``repr`` that shows them, cannot be pickled, formatted or encoded by accident, and compares by identity.
    """

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        self._value = value

    def reveal(self) -> bytes:
        """The bytes themselves."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(...)"

    def __reduce__(self) -> Never:
        raise TypeError("a Secret cannot be pickled")
