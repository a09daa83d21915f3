"""``entrakeep permissions``: the permissions of the applications, and scripts that register them."""

from typing import Annotated

import typer

from console.cli.arguments import AsJson, DirectoryIdOrNone, FamilyNames, With, Without, checked_format, examples
from console.cli.naming import known_tenants
from console.cli.opening import open_catalog
from console.cli.output import print_document, write
from console.cli.tables import print_table
from console.documents.permissions import needed_permissions
from console.registrations import Registration, scripts
from shared.domain.errors import Code, Refuse
from shared.domain.resources.choice import Choice
from shared.domain.resources.permissions import permissions_to_read, permissions_to_restore, roles_to_restore

app = typer.Typer()

ChoiceOf = Annotated[
    str | None,
    typer.Option(
        "--tenant",
        metavar="NAME",
        help="For what this tenant's backups hold, and for its directory.",
        autocompletion=known_tenants,
    ),
]


@app.command(
    epilog=examples(
        "entrakeep permissions",
        "entrakeep permissions --restore --family identity --family applications",
        "entrakeep permissions --format az --directory-id 22222222-2222-2222-2222-222222222222 > register.sh",
        "entrakeep permissions --without roles-pim --format terraform \\",
        "    --directory-id 22222222-2222-2222-2222-222222222222 > entrakeep.tf",
        "entrakeep permissions --tenant contoso --format powershell > register.ps1",
    )
)
def permissions(
    restore: Annotated[
        bool, typer.Option("--restore", help="The application that restores, instead of the one that reads.")
    ] = False,
    family: FamilyNames = None,
    without: Without = None,
    with_: With = None,
    tenant: ChoiceOf = None,
    directory_id: DirectoryIdOrNone = None,
    format: Annotated[
        str, typer.Option("--format", metavar="FORMAT", help="table, az, powershell or terraform.")
    ] = "table",
    as_json: AsJson = False,
) -> None:
    """List the permissions that an application needs, or print a script that registers it.

    The application that reads the directory needs other permissions than the one that restores. Both get the least that
    the chosen resources need. A script registers the application, grants the permissions, and writes the client secret to
    a file. It looks the permissions up by name, so it also fits national clouds.
    """
    form = checked_format(format, ("table", *scripts()), as_json=as_json)
    chosen, directory = _of_tenant(tenant)
    choice = chosen.changed(without=without or (), with_=with_ or ())
    directory_id = directory_id or directory
    rows = [row for row in choice.rows() if not family or row.family in family]
    needed = needed_permissions(permissions_to_restore(rows) if restore else permissions_to_read(rows))
    if form == "json":
        print_document(needed)
    elif form == "table":
        cells = [(each.permission, ", ".join(each.families), len(each.resources)) for each in needed]
        print_table(("permission", "families", "resources"), cells, empty="These resources need no permission.")
    else:
        if directory_id is None or not needed:
            reason = "Give --directory-id or --tenant" if needed else "These resources need no permission"
            raise Refuse(Code.WRONG_USE, f"{reason}: no script is printed.")
        registration = Registration(
            name="Entrakeep restore" if restore else "Entrakeep",
            permissions=[each.permission for each in needed],
            secret_file="restore.txt" if restore else "secret.txt",
            directory_id=directory_id,
            roles=roles_to_restore(rows) if restore else (),
        )
        write(scripts()[form](registration).encode())


def _of_tenant(name: str | None) -> tuple[Choice, str | None]:
    """Return the choice and the directory's id of a tenant, or of none. Raise Refuse ``NO_SUCH_TENANT``."""
    if name is None:
        return Choice(), None
    tenant = open_catalog().find(name)
    return tenant.choice, tenant.directory_id
