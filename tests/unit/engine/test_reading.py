"""What belongs to objects of another stream is given with them, and left out without them."""

from hypothesis import example, given
from hypothesis import strategies as st

from shared.domain.errors import Answer
from shared.domain.records import Line, encode_id, put
from shared.engine.snapshots.reading import records_of
from shared.vault.format import ChunkRef, Run, StreamState
from shared.vault.merge import Lists

IDS = st.text("aZ-.~%/0é", min_size=1, max_size=4)


def run_of(resource: str) -> Run:
    chunk = ChunkRef(name="", first=f"{resource}\0", last=f"{resource}\0~", lines=1, size=1)
    return Run(run_id=resource, job_id="j", stream=resource, lines=1, chunks=[chunk])


def owners_read(answer: Answer = Answer.WHOLE) -> StreamState:
    return StreamState(
        stream="applications",
        selection="",
        cursor=None,
        cursor_issued=None,
        begun=None,
        ended=None,
        answer=answer,
        request_id=None,
        stale=False,
        runs=[run_of("applications")],
        records={},
    )


def keys(owners: set[str], children: set[tuple[str, str]], answer: Answer = Answer.WHOLE) -> list[bytes]:
    """The keys of the children that are given."""
    lines: dict[str, list[Line]] = {
        "applications": [put(b"applications", b"applications/" + encode_id(one), b"{}") for one in owners],
        "applications.owners": [put(b"applications.owners", child(*one), b"{}") for one in children],
    }

    def read(run: Run) -> Lists:
        return iter([sorted(lines[run.stream])])

    found = records_of(read, "applications.owners", [run_of("applications.owners")], owners_read(answer))
    return [key for key, _ in found]


def child(owner: str, id: str) -> bytes:
    return b"applications/%b/owners/%b" % (encode_id(owner), encode_id(id))


@given(st.sets(IDS, max_size=8), st.sets(st.tuples(IDS, IDS), max_size=12))
@example({"a", "a-", "a."}, {("a", "1"), ("a-", "2"), ("a.", "3"), ("a~", "4")})
def test_children_are_given_with_their_owners_alone(owners: set[str], children: set[tuple[str, str]]) -> None:
    assert keys(owners, children) == sorted(child(*one) for one in children if one[0] in owners)


def test_owners_that_were_not_read_whole_leave_nothing_out() -> None:
    assert keys(set(), {("a", "1")}, Answer.FORBIDDEN) == [child("a", "1")]
