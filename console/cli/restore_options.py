"""The options that say what a plan or a restore covers, and what it does about differences."""

import functools
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from console.cli.arguments import Ids, ResourceNames, all_words, words
from shared.domain.errors import Code, Refuse
from shared.domain.restore.scope import ConflictRule, LinkRule, Rules, Scope

if TYPE_CHECKING:
    from shared.engine.requests.restores import RestoreRequest

_STANDARD_INPUT = "-"

IdsFile = Annotated[
    str | None,
    typer.Option(
        "--ids-file",
        metavar="FILE",
        help="Only the objects whose ids this file lists, one a line. - is standard input.",
    ),
]
RestoredProperties = Annotated[
    list[str] | None,
    typer.Option(
        "--property",
        metavar="PATH",
        help="Only this property of existing objects, such as department. Can be given several times.",
        callback=all_words,
    ),
]
DeletedSince = Annotated[
    str | None,
    typer.Option(
        "--deleted-since",
        metavar="SNAPSHOT",
        help="Only objects that this snapshot has and the directory has not, with their links.",
        callback=words,
    ),
]
ChangedSince = Annotated[
    str | None,
    typer.Option(
        "--changed-since",
        metavar="SNAPSHOT",
        help="Only what differs between this snapshot and the directory.",
        callback=words,
    ),
]
Links = Annotated[
    list[str] | None,
    typer.Option(
        "--links",
        metavar="[RESOURCE=]RULE",
        help="What happens to links: merge (add missing ones), exact (also remove others) or skip; for all, or for one "
        "resource, as in groups.members=exact. Can be given several times. Default: merge.",
        callback=all_words,
    ),
]
LinksOnly = Annotated[bool, typer.Option("--links-only", help="Only links between objects that exist.")]
Conflict = Annotated[
    ConflictRule,
    typer.Option(
        "--conflict",
        metavar="RULE",
        help="What happens to other values: overwrite, fill-blanks (write only where the directory has no value) or skip.",
    ),
]
UndeleteOnly = Annotated[
    bool,
    typer.Option("--undelete-only", help="Only bring objects back from the recycle bin: change and create nothing."),
]
DeleteNewer = Annotated[
    list[str] | None,
    typer.Option(
        "--delete-newer",
        metavar="ID",
        help="Delete this object, which was created after the snapshot. Can be given several times.",
        callback=all_words,
    ),
]
EnablePolicies = Annotated[
    bool,
    typer.Option(
        "--enable-policies", help="Create Conditional Access policies in their former state, not in report-only."
    ),
]
NewNames = Annotated[
    list[str] | None,
    typer.Option(
        "--new-name",
        metavar="ID=NAME",
        help="Undelete this user with another userPrincipalName, because the former is taken. Can be given several times.",
        callback=all_words,
    ),
]
DropTakenAddresses = Annotated[
    bool,
    typer.Option("--drop-taken-addresses", help="Let Graph drop addresses of undeleted users that others have now."),
]
ExchangePrincipals = Annotated[
    bool,
    typer.Option(
        "--exchange-principals",
        help="Delete a bare service principal that has taken the place of a deleted one, and undelete that.",
    ),
]
StopOnError = Annotated[bool, typer.Option("--stop-on-error", help="Stop at the first operation that fails.")]
Reason = Annotated[
    str | None,
    typer.Option("--reason", metavar="TEXT", help="Why, for the audit trail and the list of plans.", callback=words),
]


class Chosen(NamedTuple):
    """The scope, rules and reason that a command's options choose for a plan."""

    scope: Scope
    rules: Rules
    reason: str | None

    @property
    def narrowed(self) -> bool:
        """Return True if a scope or a rule was given."""
        return (self.scope, self.rules) != (Scope(), Rules())

    def request(self, password_recipient: str | None = None) -> "RestoreRequest":
        """Return the request with these options."""
        from shared.engine.requests.restores import RestoreRequest

        return RestoreRequest(
            scope=self.scope, rules=self.rules, reason=self.reason, password_recipient=password_recipient
        )


def with_plan_options(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command that has the options of ``_chosen`` in place of its parameter ``chosen``."""
    options = inspect.signature(_chosen).parameters
    own = inspect.signature(command).parameters
    parameters = [
        each for name, parameter in own.items() for each in (options.values() if name == "chosen" else [parameter])
    ]

    @functools.wraps(command)
    def with_options(**values: Any) -> None:
        command(chosen=_chosen(**{name: values.pop(name) for name in options}), **values)

    with_options.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    with_options.__annotations__ = {each.name: each.annotation for each in parameters}
    return with_options


def _chosen(
    resource: ResourceNames = None,
    id: Ids = None,
    ids_file: IdsFile = None,
    property: RestoredProperties = None,
    links_only: LinksOnly = False,
    deleted_since: DeletedSince = None,
    changed_since: ChangedSince = None,
    links: Links = None,
    conflict: Conflict = ConflictRule.OVERWRITE,
    undelete_only: UndeleteOnly = False,
    delete_newer: DeleteNewer = None,
    enable_policies: EnablePolicies = False,
    drop_taken_addresses: DropTakenAddresses = False,
    exchange_principals: ExchangePrincipals = False,
    new_name: NewNames = None,
    stop_on_error: StopOnError = False,
    reason: Reason = None,
) -> Chosen:
    """Return what the options say. Raise Refuse ``WRONG_USE`` if they exclude each other or name no rule."""
    if links_only and property:
        raise Refuse(Code.WRONG_USE, "--links-only and --property exclude each other: a link has no properties.")
    listed = [] if ids_file is None else _ids_in(ids_file)
    scope = Scope(
        resources=_once(resource),
        ids=_once([*(id or ()), *listed]),
        properties=_once(property),
        links_only=links_only,
        deleted_since=deleted_since,
        changed_since=changed_since,
        delete_newer=_once(delete_newer),
    )
    rule, rules_by_resource = _link_rules(links or [])
    rules = Rules(
        conflict=conflict,
        links=rule,
        links_of=rules_by_resource,
        undelete_only=undelete_only,
        enable_policies=enable_policies,
        stop_on_error=stop_on_error,
        drop_taken_addresses=drop_taken_addresses,
        exchange_principals=exchange_principals,
        new_names=dict(_new_name(each) for each in new_name or ()),
    )
    return Chosen(scope, rules, reason)


def _once(values: list[str] | None) -> tuple[str, ...]:
    """Return each value once."""
    return tuple(dict.fromkeys(values or ()))


def _ids_in(file: str) -> list[str]:
    """Return the ids that a file lists. Empty lines and comments (#) are ignored. Raise Refuse ``WRONG_USE``."""
    try:
        content = sys.stdin.buffer.read() if file == _STANDARD_INPUT else Path(file).read_bytes()
        text = content.decode("utf-8-sig")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise Refuse(Code.WRONG_USE, f"The file {file} cannot be read: {reason}.") from None
    ids = []
    for number, line in enumerate(text.splitlines(), 1):
        entry = line.partition("#")[0].strip()
        if len(entry.split()) > 1:
            raise Refuse(Code.WRONG_USE, f"Line {number} of {file} has more than one word. Give one id a line.")
        if entry:
            ids.append(entry)
    if not ids:
        raise Refuse(Code.WRONG_USE, f"The file {file} lists no id. Give one id a line.")
    return ids


def _link_rules(texts: list[str]) -> tuple[LinkRule, dict[str, LinkRule]]:
    """Return the rule for all links, and those for single resources. Raise Refuse ``WRONG_USE``."""
    rule, by_resource = LinkRule.MERGE, dict[str, LinkRule]()
    for text in texts:
        resource, mark, name = text.rpartition("=")
        if name not in list(LinkRule) or (mark and not resource):
            sentence = (
                f"--links takes {', '.join(LinkRule)}, or RESOURCE=RULE as in groups.members=exact; not '{text}'."
            )
            raise Refuse(Code.WRONG_USE, sentence)
        if resource:
            by_resource[resource] = LinkRule(name)
        else:
            rule = LinkRule(name)
    return rule, by_resource


def _new_name(text: str) -> tuple[str, str]:
    """Return a user's id in lower case, and the new name. Raise Refuse ``WRONG_USE``."""
    object_id, mark, name = text.partition("=")
    if not (object_id and mark and "@" in name):
        raise Refuse(
            Code.WRONG_USE, "--new-name takes a user's id and a name to sign in with, as in ID=ada2@contoso.com."
        )
    return object_id.lower(), name
