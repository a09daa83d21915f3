"""Hypothesis strategies for JSON texts that a parse and dump would change."""

from hypothesis import strategies as st

SPACE = st.sampled_from([b"", b"", b"", b" ", b"\t", b"  "])
PIECES = [
    b"a",
    b"id",
    b"\\u0041",
    b"\\/",
    b"\\n",
    b'\\"',
    b"\\\\",
    b"\xe2\x80\xa8",
    b"\xc3\xbc",
    b"{",
    b"]",
    b",",
    b":",
]
SURROGATES = [b"\\ud83d", b"\\uDE00", b"\\ud83d\\ude00"]


def strings(*, surrogates: bool = False) -> st.SearchStrategy[bytes]:
    """Return a strategy of JSON strings, on request with surrogate escapes, paired or not."""
    pieces = PIECES + SURROGATES if surrogates else PIECES
    return st.lists(st.sampled_from(pieces), max_size=6).map(lambda parts: b'"' + b"".join(parts) + b'"')


SCALARS = st.sampled_from(
    [b"1.0", b"1E+2", b"-0.0", b"-0", b"12345678901234567890123", b"1e400", b"0.10", b"true", b"false", b"null", b'""']
)


def _array(elements: list[tuple[bytes, bytes]]) -> bytes:
    return b"[" + b",".join(space + element + space for space, element in elements) + b"]"


def _object(members: list[tuple[bytes, bytes, bytes]]) -> bytes:
    return b"{" + b",".join(space + name + space + b":" + space + value for space, name, value in members) + b"}"


def values(*, surrogates: bool = False) -> st.SearchStrategy[bytes]:
    """Return a strategy of any JSON value."""
    texts = strings(surrogates=surrogates)
    return st.recursive(
        SCALARS | texts,
        lambda inner: (
            st.lists(st.tuples(SPACE, inner), max_size=3).map(_array)
            | st.lists(st.tuples(SPACE, texts, inner), max_size=3).map(_object)
        ),
        max_leaves=6,
    )


def objects(*, surrogates: bool = False) -> st.SearchStrategy[bytes]:
    """Return a strategy of JSON objects. The id may be anywhere, several times, and beside nested objects."""
    names = strings(surrogates=surrogates).map(lambda name: b'"x' + name[1:])
    member = st.tuples(SPACE, names, values(surrogates=surrogates))
    identity = st.tuples(SPACE, st.sampled_from([b'"id"', b'"\\u0069d"']), st.sampled_from([b'"1"', b'"\\u0032"']))
    return st.tuples(
        st.lists(member, max_size=3), st.lists(identity, min_size=1, max_size=2), st.lists(member, max_size=2)
    ).map(lambda parts: _object([*parts[0], *parts[1], *parts[2]]))
