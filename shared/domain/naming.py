"""The name of an object, by its value."""

import msgspec

from shared.domain.json_text import members, string

_LONGEST = 256
"""Characters of a name that are kept."""


class _Named(msgspec.Struct):
    """The properties that name an object."""

    displayName: str | None = None  # noqa: N815 - Graph's name
    userPrincipalName: str | None = None  # noqa: N815 - Graph's name
    appId: str | None = None  # noqa: N815 - Graph's name


_DECODER = msgspec.json.Decoder(_Named)


def own_name(value: bytes) -> str | None:
    """Return the name of an object, or None if it has none."""
    return names_in(value)[0]


def names_in(value: bytes) -> tuple[str | None, str | None]:
    """Return an object's name, shortened if it is very long, and the ``appId`` of its application."""
    try:
        named = _DECODER.decode(value)
    except (msgspec.DecodeError, RecursionError):  # unpaired surrogates, or a property of another type
        texts = members(value) or {}
        named = _Named(**{field: string(texts.get(field)) for field in _Named.__struct_fields__})
    both = [each for each in (named.displayName, named.userPrincipalName) if each]
    name = f"{both[0]} ({both[1]})" if len(both) > 1 else "".join(both)
    return (name if len(name) <= _LONGEST else f"{name[:_LONGEST]}…") or None, named.appId
