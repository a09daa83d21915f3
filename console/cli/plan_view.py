"""A plan, and the report of a restore, for people: the summary first, then each operation, then what is not restored."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from console.cli.output import counted, print_line
from console.cli.tables import print_table
from console.documents.plans import (
    ImpossibleDocument,
    OperationDocument,
    OperationResultDocument,
    PlanDocument,
    PlanRowDocument,
    RestoreReportDocument,
)
from console.documents.times import to_second
from shared.domain.limits import LIMITS
from shared.domain.restore.operations import Hindrance
from shared.ports.catalog.restores import OperationState, PlanState

T = TypeVar("T")
_Row = tuple[str | None, ...]
_HEADINGS = {
    Hindrance.IMPOSSIBLE: "Graph offers no way",
    Hindrance.ADMINISTRATOR: "An administrator must do this",
    Hindrance.NOT_HELD: "Not part of the snapshot, so left as it is",
    Hindrance.UNRESOLVED: "Names something that does not exist",
    Hindrance.CHOICE: "Needs a decision",
    Hindrance.KNOWN: "Graph does not apply it",
}
_WORDS = {
    OperationState.DONE: "done",
    OperationState.FAILED: "failed",
    OperationState.NOT_APPLIED: "accepted by Graph, not applied",
    OperationState.PARTLY: "done in part",
}


def print_plan(document: PlanDocument) -> None:
    """Print a plan: its summary, its notes, its operations, what is not restored, and the next command."""
    print_line(f"{document.summary}.")
    for note in document.notes:
        print_line(f"Note: {note}")
    if document.operations:
        print_line("")
        _print_operations(document.operations)
    if document.impossible:
        print_line("")
        print_line(f"Not restored: {counted(len(document.impossible), 'difference')}.")
        _print_impossible(document.impossible)
    print_line("")
    print_line(next_command(document))


def next_command(document: PlanRowDocument) -> str:
    """Return what to do with a plan, as a sentence."""
    name, plan = document.tenant, document.plan
    if document.state is PlanState.READY:
        if not document.number_of_operations:
            return f"Nothing to do: the plan {plan} has no operation."
        until = to_second(document.expires_at)
        return f"Carry it out until {until} with 'entrakeep restore {name} --plan {plan} --wait'."
    if document.restore_job is not None:
        job = document.restore_job
        return f"The restore {job} carries it out: 'entrakeep restore {name} --report {job}' shows the result."
    return f"The plan is {document.state}. Make a new one with 'entrakeep plan make {name} {document.snapshot}'."


def print_plans(documents: Sequence[PlanRowDocument]) -> None:
    """Print a list of plans."""
    rows = [
        (
            each.plan,
            each.state,
            to_second(each.created_at),
            f"{each.number_of_operations:,}",
            f"{each.number_of_impossible:,}",
            each.snapshot,
            each.reason,
        )
        for each in documents
    ]
    columns = ("plan", "state", "created", "operations", "not restored", "snapshot", "reason")
    print_table(columns, rows, empty="There are no plans yet. Make one with 'entrakeep plan make NAME SNAPSHOT'.")


def print_report(document: RestoreReportDocument) -> None:
    """Print the report of a restore: its result in words, then each operation that a person should look at."""
    print_line(report_summary(document))
    remarkable = [each for each in document.results if each.state is not OperationState.DONE or each.notes]
    if remarkable:
        print_line("")
        columns = ("n", "result", "action", "object", "resource", "reason")
        _print_some(columns, remarkable, _result_row)
    print_line("")
    if document.not_restored:
        print_line(
            f"The plan did not cover {counted(document.not_restored, 'difference')}: 'entrakeep plan show {document.tenant} "
            f"{document.plan}' says why."
        )
    if document.before is not None and document.done + document.partly:
        print_line(f"Undo it with 'entrakeep restore {document.tenant} --undo {document.job}'.")


def report_summary(document: RestoreReportDocument) -> str:
    """Return the result of a restore as a sentence."""
    total = counted(document.operations, "operation")
    parts = [f"{document.done:,} of {total} done"]
    parts += [f"{document.partly:,} in part"] if document.partly else []
    not_applied = sum(each.state is OperationState.NOT_APPLIED for each in document.results)
    failed = document.failed - not_applied
    parts += [f"{failed:,} failed"] if failed else []
    parts += [f"{not_applied:,} accepted by Graph and not applied"] if not_applied else []
    open_ = document.operations - document.done - document.partly - document.failed
    parts += [f"{open_:,} not begun"] if open_ > 0 else []
    return f"Restore {document.state}: {', '.join(parts)}."


def result_words(result: OperationResultDocument) -> str:
    """Return how an operation ended, in words."""
    return _WORDS[result.state]


def _print_operations(operations: Sequence[OperationDocument]) -> None:
    columns = ("n", "action", "object", "resource", "writes", "reason", "needs")
    _print_some(columns, operations, _operation_row)


def _operation_row(each: OperationDocument) -> _Row:
    return (
        f"{each.n:,}",
        each.action,
        each.name or each.key,
        each.resource,
        ", ".join(each.properties),
        " ".join([each.reason, *each.notes]),
        ", ".join(each.needs),
    )


def _print_impossible(entries: Sequence[ImpossibleDocument]) -> None:
    """Print what is not restored, grouped by why."""
    for kind, heading in _HEADINGS.items():
        chosen = [each for each in entries if each.kind is kind]
        if chosen:
            print_line(f"{heading}:")
            _print_some(("object", "resource", "properties", "reason"), chosen, _impossible_row)


def _impossible_row(each: ImpossibleDocument) -> _Row:
    values = [f"{name} = {bytes(value).decode()}" for name, value in each.values.items()]
    return each.name or each.key, each.resource, ", ".join(each.properties), "\n".join([each.reason, *values])


def _result_row(each: OperationResultDocument) -> _Row:
    texts = [each.reason, each.message, *each.notes]
    properties = f" ({', '.join(each.properties)})" if each.properties else ""
    return (
        f"{each.n:,}",
        f"{result_words(each)}{properties}",
        each.action,
        each.name or each.key,
        each.resource,
        " ".join(filter(None, texts)),
    )


def _print_some(columns: Sequence[str], entries: Sequence[T], row: Callable[[T], _Row]) -> None:
    """Print a table of the first entries, and how many follow."""
    print_table(columns, [row(each) for each in entries[: LIMITS.shown_operations]], empty="")
    if len(entries) > LIMITS.shown_operations:
        print_line(f"{len(entries) - LIMITS.shown_operations:,} more: --json shows all of them.")
