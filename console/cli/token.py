"""``entrakeep token``: tokens with which programs use the API."""

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from console.cli.arguments import AsJson, OfTenant, all_words, examples, words
from console.cli.opening import asker, now, open_catalog
from console.cli.output import note, print_document, print_line
from console.cli.tables import print_table
from console.documents.times import to_second
from console.documents.tokens import new_token_document, token_document

if TYPE_CHECKING:
    pass

app = typer.Typer(help="Tokens with which programs use the API.")

TokenName = Annotated[str, typer.Argument(metavar="NAME", help="The token's name.", callback=words)]


@app.command(
    epilog=examples(
        "entrakeep token make nightly --tenant contoso --action backup.ask --action tenant.see > token",
        "entrakeep token make wallboard --action fleet.see --days 365 --network 192.0.2.0/24",
    )
)
def make(
    name: TokenName,
    action: Annotated[
        list[str],
        typer.Option(
            "--action",
            metavar="ACTION",
            help="What it may do; docs/access.md lists the actions. Can be given several times.",
            callback=all_words,
        ),
    ],
    tenant: OfTenant = None,
    days: Annotated[int, typer.Option("--days", metavar="N", min=1, max=365, help="After how many days it ends.")] = 90,
    network: Annotated[
        list[str] | None,
        typer.Option(
            "--network",
            metavar="NETWORK",
            help="Only from this network. Can be given several times.",
            callback=all_words,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a token, and print it. It is shown once.

    Without --tenant it counts in the installation and in each tenant.
    """
    catalog = open_catalog()
    from shared.engine.access.tokens import make as make_token

    begin = now()
    made = make_token(
        catalog, asker(catalog), name, tenant, action, begin + timedelta(days=days), begin, networks=network or ()
    )
    document = new_token_document(made)
    if as_json:
        print_document(document)
    else:
        print_line(document.token)
        note(f"Keep it: it is not shown again. It ends at {to_second(document.expires_at)}.")


@app.command("list", epilog=examples("entrakeep token list", "entrakeep token list --tenant contoso --json"))
def list_tokens(tenant: OfTenant = None, as_json: AsJson = False) -> None:
    """List the tokens that have not ended, newest first: all, or those of a tenant."""
    catalog = open_catalog()
    tenant_id = None if tenant is None else catalog.find(tenant).tenant_id
    documents = [token_document(each) for each in catalog.tokens().all(now(), tenant_id=tenant_id)]
    if as_json:
        print_document(documents)
        return
    rows = [
        (
            document.name,
            document.tenant or "the installation",
            "\n".join(document.actions),
            "\n".join(document.networks),
            document.by,
            to_second(document.expires_at),
            to_second(document.used_at),
        )
        for document in documents
    ]
    columns = ("token", "in", "actions", "networks", "made by", "ends", "last used")
    print_table(columns, rows, empty="There are no tokens. Make one with 'entrakeep token make'.")


@app.command(epilog=examples("entrakeep token end nightly --tenant contoso"))
def end(name: TokenName, tenant: OfTenant = None, as_json: AsJson = False) -> None:
    """End a token. It is refused from its next request on."""
    catalog = open_catalog()
    from shared.engine.access.tokens import end as end_token
    from shared.engine.access.tokens import find

    token = find(catalog, name, tenant, now())
    end_token(catalog, asker(catalog), token.token_id, now())
    if as_json:
        print_document(token_document(token))
    else:
        print_line(f"Ended the token {token.name}.")
