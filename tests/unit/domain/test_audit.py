"""The audit trail: every change to a chain of events is detected, with its position."""

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.audit import (
    NOTHING_BEFORE,
    Action,
    Entry,
    Head,
    Plain,
    canonical,
    event_of,
    exported,
    following,
    hash_of,
)
from shared.domain.audit_chain import ended_by, verify_chain
from shared.domain.errors import Code, Refuse

TENANT, OTHER = "0b9e1c6e-0d6c-4b57-8f0c-6a1f3f2d7c11", "7c1e5b0a-94d2-4e63-b8a1-0f3d6c9e2a33"
NOW = datetime(2026, 11, 24, 6, 30, tzinfo=UTC)
PLAIN: st.SearchStrategy[Plain] = st.one_of(
    st.text(max_size=20), st.integers(-(2**53) + 1, 2**53 - 1), st.booleans(), st.none()
)
TOLD = st.tuples(
    st.text(max_size=20),
    st.sampled_from([action for action in Action if action is not Action.CATALOG_REBUILT]),
    st.dictionaries(st.sampled_from(["job", "snapshot"]), st.text(max_size=8)),
    st.dictionaries(st.sampled_from(["name", "records", "code", "state"]), PLAIN),
)
Chain = tuple[list[Entry], list[Head]]


def chain(events: list[tuple[str, Action, dict[str, str], dict[str, Plain]]], tenant: str = TENANT) -> Chain:
    """Return the entries, and the head after each of them."""
    entries: list[Entry] = []
    heads: list[Head] = []
    for n, (actor, action, subject, detail) in enumerate(events):
        time = NOW + timedelta(seconds=n)
        entry, head = following(heads[-1] if heads else None, tenant, time, actor, action, subject, detail)
        entries.append(entry)
        heads.append(head)
    return entries, heads


def short_chain(count: int, tenant: str = TENANT) -> Chain:
    return chain([("ana@desk", Action.SCHEDULE_SET, {}, {"n": n}) for n in range(count)], tenant)


CHAINS = st.lists(TOLD, min_size=2, max_size=8).map(chain)


def fault(entries: list[Entry], heads: list[Head] | None = None) -> tuple[int, str] | None:
    result = verify_chain(TENANT, entries, heads or []).fault
    return None if result is None else (result.number, result.reason)


def rebuild_event(head: Head) -> tuple[Entry, Head]:
    """Return the event that a rebuild appends after a head in the bucket, and the new head."""
    return following(head, TENANT, NOW, "ana@desk", Action.CATALOG_REBUILT, {}, {"head": head.number})


@given(CHAINS)
def test_a_chain_matches_itself_and_every_earlier_head(trail: Chain) -> None:
    entries, heads = trail
    verdict = verify_chain(TENANT, entries, heads)
    assert (verdict.fault, verdict.events, verdict.head) == (None, len(entries), heads[-1])
    assert (verdict.heads, verdict.lost) == (len(heads), [])


@given(CHAINS)
def test_an_event_is_canonical_json_and_any_sha_256_gives_its_hash(trail: Chain) -> None:
    previous = NOTHING_BEFORE
    for number, entry in enumerate(trail[0], start=1):
        fields = json.loads(entry.line)
        assert json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False) == entry.line
        assert hashlib.sha256(entry.line.encode()).hexdigest() == entry.hash
        assert (fields["previous"], fields["number"], fields["format"]) == (previous, number, "entrakeep/1")
        out = json.loads(exported(entry))
        assert out.pop("hash") == entry.hash
        assert canonical(out) == entry.line
        previous = entry.hash


@given(CHAINS, st.data())
def test_any_change_of_a_line_is_detected_at_that_line(trail: Chain, data: st.DataObject) -> None:
    entries, _ = trail
    index = data.draw(st.integers(0, len(entries) - 1))
    line = entries[index].line
    place = data.draw(st.integers(0, len(line) - 1))
    forged = line[:place] + data.draw(st.characters().filter(lambda c: c != line[place])) + line[place + 1 :]
    entries[index] = msgspec.structs.replace(entries[index], line=forged)
    assert fault(entries) == (index + 1, "is not what it was when its hash was made")


@given(CHAINS, st.data())
def test_a_line_changed_with_its_hash_is_detected_at_the_next_event_or_by_a_head(
    trail: Chain, data: st.DataObject
) -> None:
    entries, heads = trail
    index = data.draw(st.integers(0, len(entries) - 1))
    fields = {**json.loads(entries[index].line), "actor": "somebody else entirely, with a longer name than any"}
    line = canonical(fields)
    entries[index] = Entry(number=index + 1, line=line, hash=hash_of(line))
    expected = None if index == len(entries) - 1 else (index + 2, "does not follow the one before it")
    assert fault(entries) == expected
    assert fault(entries, heads) == (index + 1, "is not the one whose hash is in the store")


@given(CHAINS, st.data())
def test_a_chain_rewritten_from_any_event_on_is_detected_by_a_later_head(trail: Chain, data: st.DataObject) -> None:
    entries, heads = trail
    index = data.draw(st.integers(0, len(entries) - 1))
    anchor = data.draw(st.integers(index, len(entries) - 1))
    anew, last = entries[:index], heads[index - 1] if index else None
    for _ in range(index, len(entries) + data.draw(st.integers(0, 2))):
        entry, last = following(last, TENANT, NOW, "mallory", Action.SCHEDULE_SET, {}, {"forged": True})
        anew.append(entry)
    assert fault(anew) is None
    assert fault(anew, [heads[anchor]]) == (anchor + 1, "is not the one whose hash is in the store")


@given(CHAINS, st.data())
def test_a_removed_event_is_missing(trail: Chain, data: st.DataObject) -> None:
    entries, heads = trail
    index = data.draw(st.integers(0, len(entries) - 1))
    assert fault(entries[:index] + entries[index + 1 :], heads) == (index + 1, "is missing")
    if index < len(entries) - 1:
        assert fault(entries[:index] + entries[index + 1 :]) == (index + 1, "is missing")


@given(CHAINS, st.data())
def test_swapped_events_are_detected(trail: Chain, data: st.DataObject) -> None:
    entries, _ = trail
    one, two = sorted(data.draw(st.sets(st.integers(0, len(entries) - 1), min_size=2, max_size=2)))
    as_they_are = entries.copy()
    as_they_are[one], as_they_are[two] = entries[two], entries[one]
    result = fault(as_they_are)
    assert result is not None
    assert result[0] == one + 1
    numbered = [msgspec.structs.replace(entry, number=n + 1) for n, entry in enumerate(as_they_are)]
    assert fault(numbered) == (one + 1, "is in the place of another event")


@given(CHAINS, CHAINS, st.data())
def test_an_inserted_event_is_detected(trail: Chain, other: Chain, data: st.DataObject) -> None:
    entries, _ = trail
    index = data.draw(st.integers(0, len(entries) - 1))
    strange = data.draw(st.sampled_from(other[0] + entries))
    result = fault([*entries[:index], msgspec.structs.replace(strange, number=index + 1), *entries[index:]])
    assert result is not None
    assert result[0] >= index + 1


@given(CHAINS, st.data())
def test_a_truncated_chain_is_detected_by_a_head(trail: Chain, data: st.DataObject) -> None:
    entries, heads = trail
    length = data.draw(st.integers(0, len(entries) - 1))
    anchor = data.draw(st.integers(length, len(entries) - 1))
    assert fault(entries[:length]) is None
    assert fault(entries[:length], [heads[anchor]]) == (length + 1, "is missing")
    assert verify_chain(TENANT, entries[:length], [], heads[anchor]).fault is not None


def test_a_chain_of_another_tenant_does_not_match() -> None:
    assert fault(short_chain(2, OTHER)[0]) == (1, "is in the place of another event")


def test_text_that_is_no_event_cannot_be_read() -> None:
    for line in ("", "[]", '{"number":1}', '{"detail":{"a":[1]}}'):
        entry = Entry(number=1, line=line, hash=hash_of(line))
        assert fault([entry]) == (1, "cannot be read")
        with pytest.raises(Refuse) as caught:
            exported(entry)
        assert caught.value.code is Code.AUDIT_BROKEN


def test_after_a_rebuild_the_chain_continues_from_the_newest_head() -> None:
    _, heads = short_chain(9)
    first, head = rebuild_event(heads[6])
    then, _ = following(head, TENANT, NOW, "ana@desk", Action.SCHEDULE_SET, {}, {})
    assert event_of(first).number == 8
    verdict = verify_chain(TENANT, [first, then], [*heads[:7], head])
    assert (verdict.fault, verdict.lost, verdict.events) == (None, [(1, 7)], 2)
    assert verdict.head is not None
    assert verdict.head.number == 9


def test_after_an_older_dump_and_a_rebuild_the_events_between_are_reported_as_lost() -> None:
    entries, heads = short_chain(9)
    first, head = rebuild_event(heads[6])
    verdict = verify_chain(TENANT, [*entries[:3], first], [*heads[:7], head])
    assert (verdict.fault, verdict.lost, verdict.events) == (None, [(4, 7)], 4)


@pytest.mark.parametrize(
    ("restart", "expected"),
    [
        (lambda heads: rebuild_event(heads[6])[0], (1, "is missing")),
        (lambda heads: rebuild_event(heads[5])[0], (1, "is missing")),
        (
            lambda heads: following(heads[4], TENANT, NOW, "m", Action.SCHEDULE_SET, {}, {})[0],
            (1, "is missing"),
        ),
        (
            lambda heads: rebuild_event(msgspec.structs.replace(heads[4], hash="f" * 64))[0],
            (1, "is missing"),
        ),
    ],
    ids=["a head that is not there", "another", "an event of another kind", "another hash"],
)
def test_only_a_rebuild_may_restart_a_chain(restart: Callable[[list[Head]], Entry], expected: tuple[int, str]) -> None:
    _, heads = short_chain(9)
    assert fault([restart(heads)], [heads[4]]) == expected


def test_a_repeated_rebuild_event_does_not_hide_later_events() -> None:
    """The newest head counts: an attacker who removes rows cannot go back to an older head."""
    _, heads = short_chain(9)
    entry, _ = rebuild_event(heads[4])
    assert fault([entry], [heads[4], heads[6]]) == (7, "is missing")


def test_texts_of_an_event_are_one_line_of_limited_length() -> None:
    entry, _ = following(None, TENANT, NOW, "a\nb\x1b\u2028\udc80é", Action.SCHEDULE_SET, {}, {"cron": "x" * 999})
    event = event_of(entry)
    assert event.actor == "a?b???é"
    assert event.detail == {"cron": "x" * 256}


def test_a_number_that_readers_disagree_about_is_refused() -> None:
    with pytest.raises(ValueError, match="2\\^53"):
        following(None, TENANT, NOW, "a", Action.SCHEDULE_SET, {}, {"n": 2**53})


def test_an_event_after_the_last_read_head_was_not_added_by_the_catalog() -> None:
    entries, heads = short_chain(4)
    verdict = verify_chain(TENANT, entries, [])
    assert ended_by(verdict, heads[-1]) == verdict
    for own, number in ((heads[1], 3), (None, 1)):
        result = ended_by(verdict, own).fault
        assert result is not None
        assert (result.number, result.reason) == (
            number,
            "was added behind the head of the trail, and not by the catalog",
        )


def test_an_event_that_the_head_does_not_name_is_detected() -> None:
    entries, heads = short_chain(4)
    result = verify_chain(TENANT, entries, [], msgspec.structs.replace(heads[2], hash="f" * 64)).fault
    assert result is not None
    assert (result.number, result.reason) == (3, "is not the one that the head of the trail names")


def test_the_end_of_a_chain_is_checked_after_the_previous_head() -> None:
    entries, heads = short_chain(6)
    assert verify_chain(TENANT, entries[3:], [], heads[5], after=heads[2]).head == heads[5]
    result = verify_chain(
        TENANT, entries[3:], [], heads[5], after=msgspec.structs.replace(heads[2], hash="f" * 64)
    ).fault
    assert result is not None
    assert (result.number, result.reason) == (4, "does not follow the one before it")


@pytest.mark.parametrize("named", [True, False])
def test_only_a_rebuild_naming_the_newest_head_explains_events_added_to_an_older_copy(
    named: bool,
) -> None:
    entries, heads = short_chain(4)
    own, head = following(heads[1], TENANT, NOW, "ana@desk", Action.SCHEDULE_SET, {}, {"own": True})
    detail: dict[str, Plain] = {"head": 3, "head_hash": heads[2].hash if named else "f" * 64}
    event, _ = following(head, TENANT, NOW, "ana@desk", Action.CATALOG_REBUILT, {}, detail)
    verdict = verify_chain(TENANT, [*entries[:2], own, event], heads[:3])
    if named:
        assert (verdict.fault, verdict.lost, verdict.events) == (None, [(3, 3)], 4)
    else:
        assert verdict.fault is not None
        assert (verdict.fault.number, verdict.events, verdict.head) == (3, 2, heads[1])
