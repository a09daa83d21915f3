"""What applications have below them: trust in other issuers, directory extensions, a logo, and publishing settings.

Graph tracks none of these in a delta. (Graph reference: federatedIdentityCredential, extensionProperty,
onPremisesPublishing.)
"""

from shared.domain.resources.restoring import RestoreKind, Restoring, SafeCreate
from shared.domain.resources.rows import below
from shared.domain.resources.table import Children, Resource, Rhythm, Switch

_APPLICATIONS = "/applications"
_FEDERATED = f"{_APPLICATIONS}/{{id}}/federatedIdentityCredentials"
_EXTENSIONS = f"{_APPLICATIONS}/{{id}}/extensionProperties"
_READ, _WRITE = "Application.Read.All", "Application.ReadWrite.All"
_EXTENSION = "id deletedDateTime appDisplayName dataType isMultiValued isSyncedFromOnPremises name targetObjects"

_RESTORE_FEDERATED = Restoring(
    kind=RestoreKind.OBJECT,
    stage=4,
    collection=_FEDERATED.replace("{id}", "{owner}"),
    item=f"{_FEDERATED.replace('{id}', '{owner}')}/{{id}}",
    required=("audiences", "name"),
    writable=("audiences", "description", "issuer", "subject"),
    create_only=("name",),
    not_cleared=("audiences", "issuer", "subject"),
    create=SafeCreate.LISTED,
    identified_by=("name",),
    catches=(
        "A name can never be changed, and an application has at most 20 of these credentials.",
        "An undeleted application has its credentials again.",
    ),
)

_RESTORE_EXTENSIONS = Restoring(
    kind=RestoreKind.ADMINISTRATOR,
    stage=4,
    by_administrator=("dataType", "isMultiValued", "name", "targetObjects"),
    by_hand="Graph puts the appId into the name by itself",
    place="with PowerShell (New-MgApplicationExtensionProperty, with the part of the name after the appId)",
    brief="undeleted with the application",
    catches=(
        "Graph adds the appId to the name, so an extension of a recreated application has another name.",
        "Deleting a definition leaves its values on objects without a name.",
    ),
)

ROWS = (
    below(
        Resource(
            resource="applications.federatedIdentityCredentials",
            family="applications",
            path=_FEDERATED,
            permission_read=_READ,
            permission_write=_WRITE,
            licence="none",
            everywhere=True,
            properties=("id", "audiences", "claimsMatchingExpression", "description", "issuer", "name", "subject"),
            restoring=_RESTORE_FEDERATED,
        ),
        Children(owner="applications", segment="federatedIdentityCredentials", links=False, expanded=True),
        owners=_APPLICATIONS,
        paged=True,
        units=2,
    ),
    below(
        Resource(
            resource="applications.extensionProperties",
            family="applications",
            path=_EXTENSIONS,
            permission_read=_READ,
            permission_write=_WRITE,
            licence="none",
            everywhere=True,
            properties=tuple(_EXTENSION.split()),
            restoring=_RESTORE_EXTENSIONS,
        ),
        Children(owner="applications", segment="extensionProperties", links=False, expanded=True),
        owners=_APPLICATIONS,
        paged=True,
        units=2,
    ),
    below(
        Resource(
            resource="applications.onPremisesPublishing",
            family="applications",
            path=f"{_APPLICATIONS}/{{id}}/onPremisesPublishing",
            permission_read=_READ,
            permission_write=_WRITE,
            licence="P1",
            api="beta",
            switch=Switch.BETA,
            properties=("id", "onPremisesPublishing"),
            restoring=Restoring(
                kind=RestoreKind.SINGLETON,
                stage=8,
                item="/applications/{owner}",
                writable=("onPremisesPublishing",),
                whole=("onPremisesPublishing",),
                brief="without the key of a certificate",
                catches=(
                    "The private key of a certificate for the external address cannot be read: upload it again.",
                    "The application is assigned to its group of connectors by an administrator.",
                ),
            ),
        ),
        Children(
            owner="applications",
            segment="onPremisesPublishing",
            links=False,
            detail=("id", "onPremisesPublishing"),
        ),
        owners=_APPLICATIONS,
        needs="onPremisesPublishing",
        rhythm=Rhythm.SELDOM,
        paged=True,
    ),
    below(
        Resource(
            resource="applications.logo",
            family="applications",
            path=f"{_APPLICATIONS}/{{id}}/logo",
            permission_read=_READ,
            permission_write=_WRITE,
            licence="none",
            switch=Switch.OPTIONAL,
            properties=("id", "contentType", "contentBytes"),
            restoring=Restoring(
                kind=RestoreKind.ADMINISTRATOR,
                stage=4,
                by_administrator=("contentBytes", "contentType"),
                by_hand="A restore writes no files",
                place="under Branding & properties of the app registration",
                catches=("The download of a snapshot has the logo in base64, as contentBytes.",),
            ),
        ),
        Children(owner="applications", segment="logo", links=False, to_one=True, binary=True),
        owners=_APPLICATIONS,
        rhythm=Rhythm.SELDOM,
        paged=True,
    ),
)

RESOURCES = tuple(row.resource for row in ROWS)
STREAMS = tuple(row.stream for row in ROWS)
