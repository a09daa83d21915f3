"""A plan, and the report of a restore, for people: the summary first, then each operation, then what is not restored."""

from collections.abc import Sequence

from console.cli.operation_lines import Entry, print_entries
from console.cli.output import print_line, printable
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
from console.documents.words import counted
from shared.domain.restore.operations import Action, Hindrance
from shared.ports.catalog.restores import OperationState, PlanState

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
        print_line(f"Note: {printable(note)}")
    if document.operations:
        needs = sorted({each for operation in document.operations for each in operation.needs})
        if needs:
            print_line(f"Needs: {', '.join(needs)}.")
        print_line("")
        print_entries([_operation(each) for each in document.operations])
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
        print_entries([_result(each) for each in remarkable])
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


def _operation(each: OperationDocument) -> Entry:
    """Return the entry of an operation. A new object gets all its properties, so they are not listed."""
    written = each.properties if each.action is not Action.CREATE else []
    return Entry(
        cells=(f"{each.n:,}", each.action, each.resource),
        subject=_subject(each.name or each.key, written),
        reasons=(each.reason, *each.notes),
        group=f"{each.action} {each.resource}",
    )


def _print_impossible(entries: Sequence[ImpossibleDocument]) -> None:
    """Print what is not restored, grouped by why."""
    for kind, heading in _HEADINGS.items():
        chosen = [each for each in entries if each.kind is kind]
        if chosen:
            print_line("")
            print_line(f"{heading}:")
            print_entries([_impossible(each) for each in chosen])


def _impossible(each: ImpossibleDocument) -> Entry:
    """Return the entry of a difference that is not restored, with the values to set by hand."""
    from console.cli.comparisons.visible import visible

    name = each.name or each.key
    return Entry(
        cells=(each.resource,),
        subject=_subject("all" if name == each.resource else name, each.properties),
        reasons=(each.reason,),
        group=each.resource,
        values=tuple(f"{name} = {visible(bytes(value))}" for name, value in each.values.items()),
    )


def _result(each: OperationResultDocument) -> Entry:
    """Return the entry of an operation that was carried out, with its result."""
    texts = (
        (each.message or each.reason,) if each.message and each.reason in each.message else (each.reason, each.message)
    )
    return Entry(
        cells=(f"{each.n:,}", result_words(each), each.action, each.resource),
        subject=_subject(each.name or each.key, each.properties),
        reasons=(*filter(None, texts), *each.notes),
        group=f"{each.action} {each.resource} {each.state}",
    )


def _subject(name: str, properties: Sequence[str]) -> str:
    """Return an object's name with the properties that are written."""
    return f"{name}: {', '.join(properties)}" if properties else name
