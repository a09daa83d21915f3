"""The state of each stream in a new manifest: its runs, its resources, and the number of their records."""

from collections.abc import Sequence

import msgspec

from shared.domain.errors import Answer
from shared.domain.resources import STREAMS, Stream
from shared.engine.backup.changes import meaning
from shared.engine.backup.stream_results import StreamResult
from shared.engine.steps.work import Work
from shared.vault.format import Holds, Manifest, StoredResource, StreamState
from shared.vault.snapshot_reader import SnapshotReader
from shared.vault.touched import Changes, count, recount, total


def stream_states(work: Work, results: Sequence[StreamResult]) -> list[StreamState]:
    """Return the manifest's state of each stream that the job was planned to read.

    A stream that was not read whole keeps the parent's runs and cursor and is marked as stale.
    """
    return [_read_state(work, result) if result.whole else _stale_state(result) for result in results]


def switched_off_states(work: Work, parent: Manifest | None, results: Sequence[StreamResult]) -> list[StreamState]:
    """Return the states of the streams that the job was not planned to read because the tenant's owner left them out.

    They have no records: what the parent holds of them is neither kept nor called deleted.
    """
    choice = work.catalog.tenant().choice
    planned = {result.stream.name for result in results}
    off = {state.stream for state in parent.streams if state.answer is Answer.SWITCHED_OFF} if parent else set()
    return [
        _unread_state(stream, Answer.SWITCHED_OFF)
        for name, stream in STREAMS.items()
        if name not in planned and (name in off or not choice.reads(stream))
    ]


def unknown_states(parent: Manifest | None, states: Sequence[StreamState]) -> list[StreamState]:
    """Return the parent's streams with resources that no stream of ``states`` feeds. They keep runs and cursor, as stale.

    The job was not planned to read them, because this version, or the one that planned the job, does not know them.
    """
    fed = {listed.resource for state in states for listed in state.listed}
    kept = []
    for before in parent.streams if parent is not None else []:
        listed = [each for each in before.listed if each.resource not in fed]
        if listed:
            records = {each.resource: before.records.get(each.resource) for each in listed}
            stale = before.started_at is not None
            state = msgspec.structs.replace(before, answer=Answer.FAILED, request_id=None, stale=stale, records=records)
            kept.append(msgspec.structs.replace(state, resources=listed))
    return kept


def counted_states(
    work: Work, results: Sequence[StreamResult], states: Sequence[StreamState]
) -> tuple[list[StreamState], dict[str, Changes]]:
    """Return the states with the number of records of each resource, and the changes that counting has shown.

    Records of objects of another stream are counted by reading them, because that stream may have other objects by now.
    """
    reader = SnapshotReader(work.blobs, states)
    read = {result.stream.name: result for result in results if result.whole}
    counted, changes = [], dict[str, Changes]()
    for state in states:
        if state.stream in read:
            records, shown = _records(work, read[state.stream], reader)
            changes |= shown
        else:
            records = _kept(state, reader)
        counted.append(msgspec.structs.replace(state, records=records))
    return counted, changes


def listed_resources(stream: Stream) -> list[StoredResource]:
    """Return the resources that a stream feeds as a manifest lists them: its own first, then its relations."""
    children = stream.children
    holds = Holds.LINKS if children is not None and children.links else Holds.OBJECTS
    own = StoredResource(resource=stream.resource, holds=holds, owner=children.owner if children is not None else None)
    relations = [
        StoredResource(resource=relation.resource, holds=Holds.LINKS, owner=stream.resource)
        for relation in stream.relations
    ]
    return [own, *relations]


def _read_state(work: Work, result: StreamResult) -> StreamState:
    """Return the state of a stream that this job has read."""
    first, last, refused = result.bodies[0], result.bodies[-1], result.refused
    return StreamState(
        stream=result.stream.name,
        selection=last.selection,
        cursor=last.cursor,
        cursor_issued=last.cursor_issued if last.cursor else None,
        started_at=first.started_at,
        ended=work.context.clock.now(),
        answer=Answer.PARTIAL if refused else Answer.WHOLE,
        request_id=refused[0].request_id if refused else None,
        stale=False,
        runs=result.runs,
        records={},
        to_refetch=result.to_refetch,
        refused=refused,
        resources=listed_resources(result.stream),
    )


def _stale_state(result: StreamResult) -> StreamState:
    """Return the state of a stream that this job has not read: it keeps the parent's runs and cursor."""
    stream, before, step = result.stream, result.previous, result.step
    listed, unread = listed_resources(stream), dict.fromkeys(stream.resources)
    answer = step.answer or Answer.FAILED
    if before is None:
        return _unread_state(stream, answer, step.request_id)
    known = {each.resource for each in before.listed}
    return msgspec.structs.replace(
        before,
        answer=answer,
        request_id=step.request_id,
        stale=before.started_at is not None,
        records=unread | before.records,
        resources=[*before.listed, *(each for each in listed if each.resource not in known)],
    )


def _unread_state(stream: Stream, answer: Answer, request_id: str | None = None) -> StreamState:
    """Return the state of a stream that no snapshot of the tenant has records of."""
    return StreamState(
        stream=stream.name,
        selection=stream.selection,
        cursor=None,
        cursor_issued=None,
        started_at=None,
        ended=None,
        answer=answer,
        request_id=request_id,
        stale=False,
        runs=[],
        records=dict.fromkeys(stream.resources),
        resources=listed_resources(stream),
    )


def _kept(state: StreamState, reader: SnapshotReader) -> dict[str, int | None]:
    """Return the records per resource of a stream that keeps the parent's runs, or None where it was never read."""
    return {
        name: reader.count(name) if records is not None and reader.foreign_owner(name) is not None else records
        for name, records in state.records.items()
    }


def _records(
    work: Work, result: StreamResult, reader: SnapshotReader
) -> tuple[dict[str, int | None], dict[str, Changes]]:
    """Return the number of records per resource of a stream that this job has read, by the cheapest of three ways.

    The first way also shows the changes on top of the parent's runs.

    A stream on top of the parent's runs is counted by its changes. A stream that was read from the beginning adds up the
    counts of its runs, less repeated objects. Otherwise all runs are read.
    """
    read = work.blobs.lists
    resources, runs, before = result.stream.resources, result.runs, result.previous
    if any(reader.foreign_owner(name) is not None for name in resources):
        return {name: reader.count(name) for name in resources}, {}
    known = {name: records for name, records in before.records.items() if records is not None} if before else {}
    if len(runs) > 1 and result.parent_runs and len(known) == len(resources):
        counts, changes = recount(known, result.parent_runs, result.own_runs, read, meaning)
        if changes is not None:
            return {name: counts[name] for name in resources}, {n: changes.get(n, Changes()) for n in resources}
    elif len(runs) > 1 and not result.parent_runs and (first_round := result.repeated_by_run) is not None:
        first, second = runs[: len(first_round)], runs[len(first_round) :]
        counts = recount(total(first_round, read), first, second, read, lambda _, value: value).records
    else:
        counts = count(runs, read)
    return {name: counts[name] for name in resources}, {}
