"""Arguments and options that several commands share. Their values are checked before the command does anything."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

import typer

from console.cli.naming import known_families, known_resources, known_switches, known_tenants, newest_snapshot
from shared.domain.errors import Code, Refuse
from shared.domain.model import is_tenant_name
from shared.domain.resources.choice import FAMILIES, refused_switch

_RESOURCE = re.compile(r"[A-Za-z0-9]+(\.[A-Za-z0-9]+)*")


def examples(*lines: str) -> str:
    """Return the epilog of a command's help, which shows these examples."""
    return "\n".join(("\b", "Examples:", *(f"  {line}" for line in lines)))


def _name(value: str | None) -> str | None:
    """Return the name. Raise BadParameter if it cannot be a tenant's."""
    if value is not None and not is_tenant_name(value):
        raise typer.BadParameter("a tenant's name is 1 to 40 of the characters a-z, 0-9 and '-'.")
    return value


def _guid(value: str | None) -> str | None:
    """Return the GUID with dashes, in lower case. Raise BadParameter for anything else."""
    if value is None:
        return None
    try:
        guid = str(UUID(value))
    except ValueError:
        guid = ""
    if guid != value.lower():
        raise typer.BadParameter("give a GUID, such as 22222222-2222-2222-2222-222222222222.")
    return guid


def _moment(value: str) -> datetime:
    """Return a time, aware. Without a zone it is in UTC, and a day alone means its beginning."""
    try:
        time = datetime.fromisoformat(value)
        return time if time.tzinfo is not None else time.replace(tzinfo=UTC)
    except ValueError:
        raise typer.BadParameter("give a time such as 2026-05-01T12:00:00Z, or a day such as 2026-05-01.") from None


def _resources(values: list[str] | None) -> list[str]:
    """Return the names of resources, which a snapshot may have although this version does not know them.

    Raise BadParameter for a text that no resource can have as its name.
    """
    for value in values or []:
        if not _RESOURCE.fullmatch(value):
            raise typer.BadParameter(f"'{value}' is not the name of a resource; 'entrakeep resources' lists them.")
    return values or []


def _families(values: list[str] | None) -> list[str]:
    """Return the names of families. Raise BadParameter if there is no such family."""
    for value in values or []:
        if value not in FAMILIES:
            raise typer.BadParameter(f"there is no family '{value}': give one of {', '.join(FAMILIES)}.")
    return values or []


def _switches(values: list[str] | None) -> list[str]:
    """Return the names of families and resources. Raise BadParameter for a name that no choice can switch."""
    for value in values or []:
        if (sentence := refused_switch(value)) is not None:
            raise typer.BadParameter(sentence)
    return values or []


def words(value: str | None) -> str | None:
    """Return the text in a form that SQL accepts. Bytes from the shell that are not UTF-8 become ``\\udcHH``."""
    if value == "":
        raise typer.BadParameter("the value must not be empty.")
    return None if value is None else value.encode("utf-8", "backslashreplace").decode()


def all_words(values: list[str] | None) -> list[str]:
    """Return each text as ``words`` does."""
    return [text for value in values or [] if (text := words(value)) is not None]


def checked_format(format: str, formats: Sequence[str], *, as_json: bool) -> str:
    """Return the format. Raise Refuse ``WRONG_USE`` if there is no such format, or ``--json`` asks for another one."""
    if format not in formats:
        raise Refuse(Code.WRONG_USE, f"There is no format '{format}'; give one of {', '.join(formats)}.")
    if as_json and format not in ("table", "json"):
        raise Refuse(Code.WRONG_USE, f"--json and --format {format} exclude each other.")
    return "json" if as_json else format


Since = Annotated[
    datetime | None,
    typer.Option(
        "--since", metavar="TIME", parser=_moment, help="Only jobs that were requested at this time, in UTC, or later."
    ),
]
Name = Annotated[
    str, typer.Argument(metavar="NAME", help="The tenant's name.", callback=_name, autocompletion=known_tenants)
]
AuditedName = Annotated[
    str | None,
    typer.Argument(
        metavar="NAME",
        help="The name or the id of a tenant, which may be removed.",
        callback=_name,
        autocompletion=known_tenants,
    ),
]
NewName = Annotated[str, typer.Argument(metavar="NAME", help="The tenant's name.", callback=_name)]
Guid = Annotated[str, typer.Option(callback=_guid)]
SnapshotId = Annotated[
    str,
    typer.Argument(
        metavar="SNAPSHOT", help="A snapshot's id, or latest.", callback=words, autocompletion=newest_snapshot
    ),
]
SnapshotOrAll = Annotated[
    str | None,
    typer.Argument(
        metavar="SNAPSHOT",
        help="A snapshot's id, or latest. Default: all snapshots.",
        callback=words,
        autocompletion=newest_snapshot,
    ),
]
JobId = Annotated[str, typer.Argument(metavar="JOB", help="The job's id.", callback=words)]
ResourceNames = Annotated[
    list[str] | None,
    typer.Option(
        "--resource",
        metavar="RESOURCE",
        help="Only this resource. Can be given several times.",
        callback=_resources,
        autocompletion=known_resources,
    ),
]
FamilyNames = Annotated[
    list[str] | None,
    typer.Option(
        "--family",
        metavar="FAMILY",
        help="Only this family of resources. Can be given several times.",
        callback=_families,
        autocompletion=known_families,
    ),
]
Without = Annotated[
    list[str] | None,
    typer.Option(
        "--without",
        metavar="NAME",
        help="Leave out this family or resource. Can be given several times.",
        callback=_switches,
        autocompletion=known_switches,
    ),
]
With = Annotated[
    list[str] | None,
    typer.Option(
        "--with",
        metavar="NAME",
        help="Include this family or resource, or beta: all resources of Graph's beta version. Can be given several times.",
        callback=_switches,
        autocompletion=known_switches,
    ),
]
Ids = Annotated[
    list[str] | None,
    typer.Option(
        "--id",
        metavar="ID",
        help="Only the object with this id, and its links. Can be given several times.",
        callback=all_words,
    ),
]
TenantOption = Annotated[
    str | None,
    typer.Option(
        "--tenant", metavar="NAME", help="Only jobs of this tenant.", callback=_name, autocompletion=known_tenants
    ),
]
OfTenant = Annotated[
    str | None,
    typer.Option(
        "--tenant",
        metavar="NAME",
        help="A tenant. Default: the installation, which covers each tenant.",
        callback=_name,
        autocompletion=known_tenants,
    ),
]
End = Annotated[
    datetime | None,
    typer.Option("--until", metavar="TIME", parser=_moment, help="When the role ends by itself, in UTC."),
]
Hours = Annotated[
    float | None,
    typer.Option("--hours", metavar="N", min=0.1, max=8760, help="After how many hours the role ends by itself."),
]
_DIRECTORY_ID = typer.Option(
    "--directory-id", metavar="GUID", help="The directory's (tenant's) id in Entra.", callback=_guid
)
DirectoryId = Annotated[str, _DIRECTORY_ID]
DirectoryIdOrNone = Annotated[str | None, _DIRECTORY_ID]
_CLIENT_ID = typer.Option(
    "--client-id", metavar="GUID", help="The id of the application that reads the directory.", callback=_guid
)
ClientId = Annotated[str, _CLIENT_ID]
ClientIdOrNone = Annotated[str | None, _CLIENT_ID]
RestoreClientId = Annotated[
    str | None,
    typer.Option(
        "--restore-client-id",
        metavar="GUID",
        help="The id of a second application, which may write to the directory. Only restores use it.",
        callback=_guid,
    ),
]
KeyArn = Annotated[
    str, typer.Option("--arn", metavar="ARN", help="The ARN of the KMS key, from its page in the KMS console.")
]
KeyArnOrNone = Annotated[
    str | None, typer.Option("--arn", metavar="ARN", help="The ARN of the KMS key, if it exists already.")
]
Installation = Annotated[
    bool, typer.Option("--installation", help="The installation's own trail: tenants that were added and removed.")
]
Output = Annotated[
    str,
    typer.Option(
        "--output", "-o", metavar="FILE", help="The file to write, replaced only on success. - is standard output."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
Wait = Annotated[bool, typer.Option("--wait", help="Wait for the end of the job. Exit with 1 if it failed.")]
