"""Generate ``docs/schemas`` from the types in ``console/documents``: the JSON Schema of every document of ``--json``."""

import ast
import copy
import inspect
import json
from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

import msgspec
from jsonschema import Draft202012Validator, FormatChecker

from console.documents import (
    audit,
    changes,
    clock_changes,
    comparisons,
    jobs,
    key_jobs,
    keys,
    notices,
    people,
    permissions,
    plans,
    resources,
    results,
    schedules,
    snapshots,
    steps,
    stores,
    tenants,
    tokens,
)
from console.documents.verifications import GraphVerification, Verification
from tests.pages import TOP

FOLDER = TOP / "docs" / "schemas"
DIALECT = "https://json-schema.org/draft/2020-12/schema"


class Printed(NamedTuple):
    """A document and the commands that print it."""

    name: str
    """The schema's file is ``NAME.json``."""
    type: Any
    meaning: str
    commands: tuple[str, ...]
    """Printed without ``--json``."""
    by_line: bool = False
    """True if each line of the output is a document."""


PRINTED = (
    Printed("tenants", list[tenants.TenantDocument], "tenants, newest first", ("tenant list",)),
    Printed("tenant", tenants.TenantDocument, "a tenant", ("tenant show",)),
    Printed("checked-resources", list[tenants.CheckedDocument], "what an application may do", ("tenant check",)),
    Printed("removed-tenant", tenants.RemovedTenant, "the tenant that was removed", ("tenant remove",)),
    Printed("shred-certificate", tenants.ShredCertificate, "what was destroyed", ("tenant remove --shred",)),
    Printed("resources", list[resources.ProtectedResource], "the protected resources", ("resources",)),
    Printed(
        "permissions", list[permissions.NeededPermission], "the permissions that an application needs", ("permissions",)
    ),
    Printed(
        "requested-job",
        jobs.RequestedJob,
        "the job's id",
        ("backup", "jobs retry", "key enable", "key update", "plan make", "restore"),
    ),
    Printed("jobs", list[jobs.JobDocument], "jobs, newest first", ("jobs list",)),
    Printed("job", jobs.JobDocument, "a job", ("jobs cancel",)),
    Printed(
        "job-with-results",
        results.JobWithResults,
        "the ended job with its results",
        ("backup --wait", "restore --wait"),
    ),
    Printed("job-details", results.JobDetails, "a job, its results and what blocks it", ("jobs show",)),
    Printed("snapshots", list[snapshots.SnapshotDocument], "snapshots, newest first", ("snapshots",)),
    Printed("plans", list[plans.PlanRowDocument], "plans, newest first", ("plan list",)),
    Printed("plan-row", plans.PlanRowDocument, "a plan without its content", ("plan withdraw",)),
    Printed("plan", plans.PlanDocument, "a plan", ("plan show", "plan make --wait", "restore --dry-run")),
    Printed("restore-report", plans.RestoreReportDocument, "the report of a restore", ("restore --report",)),
    Printed("handed-out", plans.HandedOut, "the passwords that were written", ("restore --report --passwords",)),
    Printed("record", snapshots.RecordDocument, "a record", ("browse", "download"), by_line=True),
    Printed(
        "changed-record",
        snapshots.ChangedRecordDocument,
        "a record that was added or changed, or the key of a removed one",
        ("download --since",),
        by_line=True,
    ),
    Printed("refused", snapshots.RefusedDocument, "an object that Graph refused", ("browse --refused",), by_line=True),
    Printed(
        "dangling",
        snapshots.DanglingDocument,
        "a reference to an object that does not exist",
        ("browse --dangling",),
        by_line=True,
    ),
    Printed(
        "history",
        comparisons.HistoryDocument,
        "a change of an object, newest first",
        ("browse --history",),
        by_line=True,
    ),
    Printed("comparison", comparisons.ComparisonDocument, "what differs between two snapshots", ("compare",)),
    Printed(
        "comparison-summary",
        comparisons.ComparisonSummary,
        "how many records differ, by resource",
        ("compare --summary",),
    ),
    Printed("verification", Verification, "what was verified", ("verify",)),
    Printed(
        "graph-verification", GraphVerification, "how Graph differs from the snapshot", ("verify --against-graph",)
    ),
    Printed("schedule", schedules.ScheduleDetails | None, "the schedule, or null", ("schedule show",)),
    Printed("key", keys.KeyDocument, "the tenant's KMS key", ("key show",)),
    Printed("key-policy", keys.PolicyDocument, "what a key's owner must allow", ("key policy",)),
    Printed("key-check", keys.KeyCheckDocument, "whether the key may be used", ("key check",)),
    Printed("key-validation", key_jobs.KeyValidation, "the checks of a new key", ("key enable --rehearse",)),
    Printed(
        "key-change",
        key_jobs.KeyChangeJob,
        "the ended job with its results",
        ("key enable --wait", "key update --wait"),
    ),
    Printed("events", list[audit.EventDocument], "events, newest first", ("audit show",)),
    Printed("trail-verification", audit.TrailVerification, "whether the trail is intact", ("audit verify",)),
    Printed("people", list[people.PersonDocument], "people, newest first", ("people list",)),
    Printed("person", people.PersonDocument, "a person", ("people grant", "people take")),
    Printed(
        "invitation",
        people.InvitationDocument,
        "the link of an invitation",
        ("people add", "people invite", "people reset"),
    ),
    Printed("set-up-code", people.SetUpCodeDocument, "the code of the set-up", ("people code",)),
    Printed("sign-ins", list[people.SignInDocument], "sign-ins, newest first", ("people sign-ins",)),
    Printed("ended-sign-ins", people.EndedSignIns, "how many sign-ins ended", ("people sign-ins --end",)),
    Printed("removed-person", people.RemovedPerson, "the person who was removed", ("people remove",)),
    Printed("new-token", tokens.NewTokenDocument, "the new token with its text", ("token make",)),
    Printed("new-notice-target", notices.NewTargetDocument, "the new target with its secret", ("notices add",)),
    Printed("notice-targets", list[notices.ListedTargetDocument], "notice targets, by name", ("notices list",)),
    Printed("notice-target", notices.TargetDocument, "a notice target", ("notices remove",)),
    Printed("delivery", notices.DeliveryDocument, "a delivery of a notice", ("notices test",)),
    Printed("tokens", list[tokens.TokenDocument], "tokens, newest first", ("token list",)),
    Printed("token", tokens.TokenDocument, "a token", ("token end",)),
    Printed("rebuilt-tenants", list[stores.RebuiltTenant], "what was restored, by tenant", ("catalog rebuild",)),
    Printed("store", stores.StoreDocument, "the store and its mark", ("store show", "store adopt")),
)


def files() -> dict[Any, str]:
    """Return the file of every schema with its text."""
    return {FOLDER / f"{row.name}.json": f"{json.dumps(schema(row), indent=2)}\n" for row in PRINTED}


def schema(row: Printed) -> dict[str, Any]:
    """Return the schema of a document, with the docstrings of its types and fields as descriptions."""
    generated = msgspec.json.schema(row.type)
    for name, part in generated["$defs"].items():
        part["description"] = _plain(part["description"])
        for field, text in _described(name).items():
            if field in part.get("properties", {}):
                part["properties"][field]["description"] = _plain(text)
    definitions = generated.pop("$defs")
    return {"$schema": DIALECT, "title": row.name, **generated, "$defs": definitions}


def printed_by(words: Sequence[str]) -> Printed | None:
    """Return the document that a command with these words prints, or None if it is unknown."""
    rows = [
        (len(command.split()), row)
        for row in PRINTED
        for command in row.commands
        if list(words[: len(_name(command))]) == _name(command) and set(command.split()) <= set(words)
    ]
    return max(rows, key=lambda each: each[0])[1] if rows else None


def check(words: Sequence[str], output: bytes) -> None:
    """Raise ValidationError if a command with these words may not print this, or if a field is in no schema."""
    row = printed_by(words)
    assert row is not None, f"name the document of {' '.join(words)} in tests/generated/schemas.py"
    for text in output.splitlines() if row.by_line else [output]:
        _strict(row).validate(json.loads(text))


@cache
def _strict(row: Printed) -> Draft202012Validator:
    """Return a validator of the published file that refuses fields outside the schema."""
    document = copy.deepcopy(json.loads((FOLDER / f"{row.name}.json").read_text()))
    for part in document["$defs"].values():
        if "properties" in part:
            part["additionalProperties"] = False
    return Draft202012Validator(document, format_checker=FormatChecker())


def _name(command: str) -> list[str]:
    """Return the words of a command without its options."""
    return [word for word in command.split() if not word.startswith("--")]


def _plain(text: str) -> str:
    """Return a docstring as plain text."""
    return " ".join(text.replace("``", "`").split())


@cache
def _described(name: str) -> dict[str, str]:
    """Return the docstrings of the fields of a type by field, inherited ones included."""
    docstrings: dict[str, str] = {}
    for base in reversed(_types()[name].__mro__):
        if base.__module__.startswith("console.documents"):
            (definition,) = ast.parse(inspect.getsource(base)).body
            assert isinstance(definition, ast.ClassDef)
            for field, text in zip(definition.body, definition.body[1:], strict=False):
                if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr):
                    assert isinstance(field.target, ast.Name)
                    docstrings[field.target.id] = ast.literal_eval(text.value)
    return docstrings


@cache
def _types() -> dict[str, type]:
    """Return every type that a schema mentions, by name."""
    modules = (
        audit,
        changes,
        clock_changes,
        comparisons,
        jobs,
        key_jobs,
        keys,
        notices,
        people,
        permissions,
        plans,
        resources,
        results,
        schedules,
        snapshots,
        steps,
        stores,
        tenants,
        tokens,
    )
    types: dict[str, type] = {}
    for module in (*modules, inspect.getmodule(Verification)):
        types |= {name: each for name, each in vars(module).items() if isinstance(each, type)}
    return types
