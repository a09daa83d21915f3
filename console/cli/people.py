"""``entrakeep people``: who may sign in to the console, and with which roles."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from console.cli.arguments import AsJson, End, Hours, OfTenant, examples, words
from console.cli.opening import asker, now, open_catalog
from console.cli.output import note, print_document, print_line
from console.cli.prompts import check_terminal, confirm
from console.cli.tables import print_table
from console.documents.people import (
    EndedSignIns,
    GrantDocument,
    PersonDocument,
    SetUpCodeDocument,
    invitation_document,
    person_document,
    removed_person,
    sign_in_document,
)
from console.documents.times import moment, to_second
from console.documents.words import counted
from shared.domain.access import Role
from shared.domain.errors import Code, Refuse
from shared.domain.people import SET_UP_CODE_LASTS

if TYPE_CHECKING:
    from shared.engine.access.invitations import Invited

app = typer.Typer(help="People who may sign in to the console, and their roles.")

Handle = Annotated[
    str, typer.Argument(metavar="HANDLE", help="The person's name in Entrakeep, such as ana.", callback=words)
]
RoleName = Annotated[Role, typer.Argument(metavar="ROLE", help=f"One of {', '.join(Role)}.")]
Reason = Annotated[
    str | None, typer.Option("--reason", metavar="TEXT", help="Why; the audit trail keeps it.", callback=words)
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation. Needed without a terminal.")]


@app.command(
    epilog=examples(
        "entrakeep people add ana --role operator",
        "entrakeep people add bob --role admin --role restorer --tenant contoso",
        "entrakeep people add safe --role operator --break-glass",
    )
)
def add(
    handle: Handle,
    role: Annotated[
        list[Role] | None,
        typer.Option("--role", metavar="ROLE", help=f"One of {', '.join(Role)}. Can be given several times."),
    ] = None,
    tenant: OfTenant = None,
    until: End = None,
    hours: Hours = None,
    reason: Reason = None,
    break_glass: Annotated[
        bool,
        typer.Option("--break-glass", help="For the day on which nobody else can sign in: each sign-in is reported."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Add a person, and print the link with which they choose how to sign in.

    The link works once, for 72 hours. Without --tenant the roles count in the installation and in each tenant.
    """
    catalog = open_catalog()
    from shared.engine.access.people import WantedGrant, invite
    from shared.engine.access.people import add as add_person

    end = _end(until, hours)
    grants = [WantedGrant(role=each, tenant=tenant, until=end) for each in role or ()]
    add_person(catalog, asker(catalog), handle, grants, now(), reason=reason or "", break_glass=break_glass)
    _print_invitation(invite(catalog, asker(catalog), handle, now()), as_json)


@app.command("invite", epilog=examples("entrakeep people invite ana"))
def invite_person(handle: Handle, as_json: AsJson = False) -> None:
    """Print a new link with which a person chooses a way to sign in. An earlier link ends."""
    catalog = open_catalog()
    from shared.engine.access.people import invite

    _print_invitation(invite(catalog, asker(catalog), handle, now()), as_json)


@app.command(
    "list",
    epilog=examples("entrakeep people list", "entrakeep people list --tenant contoso --json | jq -r '.[].handle'"),
)
def list_people(tenant: OfTenant = None, as_json: AsJson = False) -> None:
    """List the people, newest first: all, or those with a role in a tenant."""
    catalog = open_catalog()
    tenant_id = None if tenant is None else catalog.find(tenant).tenant_id
    documents = [person_document(detail) for detail in catalog.people().all(now(), tenant_id)]
    if as_json:
        print_document(documents)
        return
    rows = [
        (
            document.handle,
            "\n".join(_grant_words(grant) for grant in document.grants),
            _means_words(document),
            to_second(document.seen_at),
        )
        for document in documents
    ]
    empty = (
        "There is nobody yet. Add somebody with 'entrakeep people add', or set up the console: 'entrakeep people code'."
    )
    print_table(("handle", "roles", "signs in by", "last seen"), rows, empty=empty)


@app.command(
    epilog=examples(
        "entrakeep people grant ana operator",
        "entrakeep people grant bob restorer --tenant contoso --hours 4 --reason INC-4411",
    )
)
def grant(
    handle: Handle,
    role: RoleName,
    tenant: OfTenant = None,
    until: End = None,
    hours: Hours = None,
    reason: Reason = None,
    as_json: AsJson = False,
) -> None:
    """Give a role. With --until or --hours it ends by itself.

    Without --tenant it counts in the installation and in each tenant. A role that the person has already gets the new end.
    """
    catalog = open_catalog()
    from shared.engine.access.people import WantedGrant, give

    wanted = WantedGrant(role=role, tenant=tenant, until=_end(until, hours))
    document = person_document(give(catalog, asker(catalog), handle, wanted, now(), reason=reason or ""))
    _print_person(document, as_json, f"Granted: {document.handle} has the role {role} {_place(tenant)}.")


@app.command(epilog=examples("entrakeep people take bob restorer --tenant contoso"))
def take(handle: Handle, role: RoleName, tenant: OfTenant = None, as_json: AsJson = False) -> None:
    """Take a role back. It counts from the person's next request."""
    catalog = open_catalog()
    from shared.engine.access.people import take as take_role

    document = person_document(take_role(catalog, asker(catalog), handle, role, tenant, now()))
    _print_person(document, as_json, f"Taken: {document.handle} no longer has the role {role} {_place(tenant)}.")


@app.command(epilog=examples("entrakeep people reset ana", "entrakeep people reset ana --yes --json"))
def reset(handle: Handle, yes: Yes = False, as_json: AsJson = False) -> None:
    """Remove every way to sign in of a person who has lost them, and print a new link.

    Ends the person's sign-ins too. The roles stay.
    """
    if not yes:
        check_terminal("give --yes to reset the person")
    catalog = open_catalog()
    from shared.engine.access.people import reset as reset_person

    person = catalog.people().find(handle.lower())
    confirm(yes, f"Remove every passkey, password and code of {person.handle}?", "Nothing was changed.")
    _print_invitation(reset_person(catalog, catalog.actor, handle, now()), as_json)


@app.command(epilog=examples("entrakeep people code"))
def code(as_json: AsJson = False) -> None:
    """Print a code for the set-up of the console, which makes the first person.

    It works once, for 30 minutes, and only while there are no people. An earlier code ends.
    """
    catalog = open_catalog()
    from shared.engine.access.set_up import new_code

    made = new_code(catalog, now())
    if made is None:
        raise Refuse(Code.WRONG_USE, "The set-up is done: there are people. Add somebody with 'entrakeep people add'.")
    link = f"{_web_url()}/set-up"
    document = SetUpCodeDocument(code=made, link=link, expires_at=moment(now() + SET_UP_CODE_LASTS))
    if as_json:
        print_document(document)
    else:
        print_line(document.code)
        note(f"Type this code at {document.link} within 30 minutes.")


@app.command(
    "sign-ins",
    epilog=examples("entrakeep people sign-ins ana", "entrakeep people sign-ins ana --end"),
)
def sign_ins(
    handle: Handle,
    end: Annotated[bool, typer.Option("--end", help="End all of them.")] = False,
    as_json: AsJson = False,
) -> None:
    """List a person's sign-ins, newest first, or end them."""
    catalog = open_catalog()
    from shared.engine.access.people import end_sign_ins

    person = catalog.people().find(handle.lower())
    if end:
        count = end_sign_ins(catalog, asker(catalog), handle, now())
        if as_json:
            print_document(EndedSignIns(handle=person.handle, ended=count))
        else:
            print_line(f"Ended {counted(count, 'sign-in')} of {person.handle}.")
        return
    documents = [sign_in_document(each) for each in catalog.sign_ins().of_person(person.person_id, now())]
    if as_json:
        print_document(documents)
        return
    rows = [
        (to_second(each.begun_at), to_second(each.seen_at), each.means, each.address, each.browser)
        for each in documents
    ]
    print_table(("begun", "last seen", "by", "from", "browser"), rows, empty=f"{person.handle} is not signed in.")


@app.command(epilog=examples("entrakeep people remove bob", "entrakeep people remove bob --yes"))
def remove(handle: Handle, yes: Yes = False, as_json: AsJson = False) -> None:
    """Remove a person with roles, ways to sign in, sign-ins and tokens. The audit trail stays."""
    if not yes:
        check_terminal("give --yes to remove the person")
    catalog = open_catalog()
    from shared.engine.access.people import remove as remove_person

    person = catalog.people().find(handle.lower())
    confirm(yes, f"Remove {person.handle} with roles, sign-ins and tokens?", "Nothing was changed.")
    remove_person(catalog, asker(catalog), handle, now())
    if as_json:
        print_document(removed_person(person))
    else:
        print_line(f"Removed {person.handle}.")


def _web_url() -> str:
    """Return the console's address in browsers."""
    from shared import wiring

    return wiring.web_settings().web_url.rstrip("/")


def _end(until: datetime | None, hours: float | None) -> datetime | None:
    """Return when the roles end, or None if they do not. Raise Refuse ``WRONG_USE`` if both are given."""
    if until is not None and hours is not None:
        raise Refuse(Code.WRONG_USE, "--until and --hours exclude each other.")
    return until if hours is None else now() + timedelta(hours=hours)


def _print_invitation(invited: "Invited", as_json: bool) -> None:
    """Print the link of an invitation."""
    document = invitation_document(invited, _web_url())
    if as_json:
        print_document(document)
    else:
        print_line(document.link)
        note(f"Give this link to {document.handle}: it works once, until {to_second(document.expires_at)}.")


def _print_person(document: PersonDocument, as_json: bool, sentence: str) -> None:
    """Print a sentence and the person's roles, or the document."""
    if as_json:
        print_document(document)
        return
    print_line(sentence)
    rows = [(each.role, each.tenant or "the installation", to_second(each.until)) for each in document.grants]
    print_table(("role", "in", "until"), rows, empty=f"{document.handle} has no role.")


def _grant_words(grant: GrantDocument) -> str:
    """Return a role in words."""
    end = "" if grant.until is None else f" until {to_second(grant.until)}"
    return f"{grant.role} of {grant.tenant or 'the installation'}{end}"


def _means_words(document: PersonDocument) -> str:
    """Return how a person signs in, in words."""
    means = [str(each) for each in document.signs_in_by] or [
        f"invited until {to_second(document.invited_until)}"
    ] * bool(document.invited_until)
    return ", ".join([*means, *["break-glass"] * document.break_glass])


def _place(tenant: str | None) -> str:
    """Return the words for where a role counts."""
    return "in the installation" if tenant is None else f"in {tenant}"
