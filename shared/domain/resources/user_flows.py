"""User flows for guests and customers, with the identity providers, attributes and API connectors that they use.

The service that stores them allows 200 requests a minute. (Graph reference: identityProviderBase,
identityUserFlowAttribute, b2xIdentityUserFlow, b2cIdentityUserFlow, identityApiConnector.)
"""

from shared.domain.resources.restoring import Fixed, LinkWrite, RestoreKind, Restoring, SafeCreate
from shared.domain.resources.rows import Row, below, listed
from shared.domain.resources.table import Children, Reference, ReferenceKind, Resource, Switch

_FLOWS, _CUSTOMER_FLOWS = "/identity/b2xUserFlows", "/identity/b2cUserFlows"
_PROVIDERS, _CONNECTORS = "/identity/identityProviders", "/identity/apiConnectors"
_ATTRIBUTES = "/identity/userFlowAttributes"
_READ, _WRITE = "IdentityUserFlow.Read.All", "IdentityUserFlow.ReadWrite.All"
_PROVIDER = """
    clientId developerId displayName inboundClaimMapping issuer keyId responseType scope serviceId wellKnownEndpoint
"""
_ASSIGNMENT = "displayName isOptional requiresVerification userAttributeValues userInputType"
_FLOW = ("userFlowType", "userFlowTypeVersion")


def _row(
    name: str,
    path: str,
    restoring: Restoring,
    properties: str = "",
    *,
    read: str = _READ,
    write: str = _WRITE,
    references: tuple[Reference, ...] = (),
    beta: bool = False,
) -> Resource:
    """Return a resource of user flows."""
    return Resource(
        resource=name,
        family="external-identities",
        path=path,
        api="beta" if beta else "v1.0",
        permission_read=read,
        permission_write=write,
        licence="none",
        properties=tuple(properties.split()),
        references=references,
        restoring=restoring,
        switch=Switch.BETA if beta else Switch.STANDARD,
    )


_RESTORE_PROVIDERS = Restoring(
    kind=RestoreKind.OBJECT,
    stage=11,
    item=f"{_PROVIDERS}/{{id}}",
    writable=tuple(_PROVIDER.split()),
    typed=True,
    not_cleared=("clientId", "displayName"),
    secret=("certificateData", "clientAuthentication", "clientSecret"),
    create=SafeCreate.NEVER,
    brief="secrets are lost; an administrator adds a missing one",
    catches=(
        "Graph masks client secrets and certificates, so they are never written: enter them again.",
        "A provider cannot be created without its secret.",
    ),
)

_RESTORE_ATTRIBUTES = Restoring(
    kind=RestoreKind.OBJECT,
    stage=11,
    collection=_ATTRIBUTES,
    item=f"{_ATTRIBUTES}/{{id}}",
    required=("dataType", "displayName"),
    writable=("description",),
    create_only=("dataType", "displayName", "userFlowAttributeType"),
    create=SafeCreate.LISTED,
    identified_by=("displayName",),
    fixed=(
        Fixed(
            property="userFlowAttributeType",
            value='"builtIn"',
            reason="Graph does not let attributes of its own change.",
        ),
        Fixed(
            property="userFlowAttributeType", value='"required"', reason="Graph demands this attribute of every user."
        ),
    ),
    brief="built-in ones are fixed",
    catches=("An attribute of the directory is stored under the application b2c-extensions-app, which must exist.",),
)


def _restore_flows(path: str, prefix: str) -> Restoring:
    """Return how user flows are written."""
    return Restoring(
        kind=RestoreKind.OBJECT,
        stage=12,
        collection=path,
        item=f"{path}/{{id}}",
        required=("id", *_FLOW),
        create_only=("id", *_FLOW),
        create=SafeCreate.CLIENT_KEY,
        identified_by=("id",),
        brief="its pages by an administrator",
        catches=(
            f"The id begins with {prefix}, and stays when the flow is recreated.",
            "Templates and texts of pages are not part of the backup.",
        ),
    )


_RESTORE_PROVIDER_LINKS = Restoring(
    kind=RestoreKind.LINK,
    stage=13,
    link=LinkWrite(
        add=f"{_FLOWS}/{{owner}}/userFlowIdentityProviders/$ref",
        remove=f"{_FLOWS}/{{owner}}/userFlowIdentityProviders/{{id}}/$ref",
        reference=f"{_PROVIDERS}/{{id}}",
    ),
)

_RESTORE_ASSIGNMENTS = Restoring(
    kind=RestoreKind.OBJECT,
    stage=13,
    collection=f"{_FLOWS}/{{owner}}/userAttributeAssignments",
    item=f"{_FLOWS}/{{owner}}/userAttributeAssignments/{{id}}",
    required=("displayName", "userAttribute", "userInputType"),
    writable=tuple(_ASSIGNMENT.split()),
    create_only=("userAttribute",),
    not_cleared=("displayName", "userInputType"),
    create=SafeCreate.LISTED,
    identified_by=("displayName",),
    brief="their order by an administrator",
    catches=("Graph sets the order of attributes by an action of its own, which a restore does not call.",),
)

_RESTORE_CONFIGURATIONS = Restoring(
    kind=RestoreKind.ADMINISTRATOR,
    stage=13,
    by_hand="Graph links a connector to each step of the flow by a request of its own",
    by_administrator=("postAttributeCollection", "postFederationSignup"),
)

_RESTORE_LANGUAGES = Restoring(
    kind=RestoreKind.OBJECT,
    stage=13,
    item=f"{_FLOWS}/{{owner}}/languages/{{id}}",
    writable=("isEnabled",),
    not_cleared=("isEnabled",),
    replaced=True,
    create=SafeCreate.NEVER,
    brief="texts of pages by an administrator",
    catches=("The texts of pages are files of their own, which are not part of the backup.",),
)

_RESTORE_CONNECTORS = Restoring(
    kind=RestoreKind.OBJECT,
    stage=11,
    item=f"{_CONNECTORS}/{{id}}",
    writable=("displayName", "targetUrl"),
    not_cleared=("displayName", "targetUrl"),
    secret=("authenticationConfiguration",),
    create=SafeCreate.NEVER,
    brief="passwords are lost; an administrator adds a missing one",
    catches=(
        "Graph masks passwords and certificates, so the authentication is never written: enter it again.",
        "Without its authentication a connector would call the API as a stranger, so a restore creates none.",
    ),
)

_ROWS: tuple[Row, ...] = (
    listed(
        _row(
            "identityProviders",
            _PROVIDERS,
            _RESTORE_PROVIDERS,
            f"@odata.type id certificateData clientAuthentication clientSecret identityProviderType {_PROVIDER}",
            read="IdentityProvider.Read.All",
            write="IdentityProvider.ReadWrite.All",
        )
    ),
    listed(
        _row(
            "userFlowAttributes",
            _ATTRIBUTES,
            _RESTORE_ATTRIBUTES,
            "@odata.type id dataType description displayName userFlowAttributeType",
        )
    ),
    listed(
        _row(
            "apiConnectors",
            _CONNECTORS,
            _RESTORE_CONNECTORS,
            "id authenticationConfiguration displayName targetUrl",
            read="APIConnectors.ReadWrite.All",
            write="APIConnectors.ReadWrite.All",
        )
    ),
    listed(_row("b2xUserFlows", _FLOWS, _restore_flows(_FLOWS, "B2X_1_"), f"id {' '.join(_FLOW)}")),
    below(
        _row(
            "b2xUserFlows.identityProviders",
            f"{_FLOWS}/{{id}}/userFlowIdentityProviders",
            _RESTORE_PROVIDER_LINKS,
            read=_WRITE,
        ),
        Children(owner="b2xUserFlows", segment="userFlowIdentityProviders", links=True, name="identityProviders"),
        owners=_FLOWS,
    ),
    below(
        _row(
            "b2xUserFlows.userAttributeAssignments",
            f"{_FLOWS}/{{id}}/userAttributeAssignments",
            _RESTORE_ASSIGNMENTS,
            f"id userAttribute {_ASSIGNMENT}",
            references=(
                Reference(
                    path="userAttribute.id", resources=("userFlowAttributes",), kind=ReferenceKind.NAME, foreign=True
                ),
            ),
        ),
        Children(owner="b2xUserFlows", segment="userAttributeAssignments", links=False),
        owners=_FLOWS,
        expand="userAttribute",
    ),
    below(
        _row(
            "b2xUserFlows.apiConnectorConfiguration",
            f"{_FLOWS}/{{id}}/apiConnectorConfiguration",
            _RESTORE_CONFIGURATIONS,
            "postAttributeCollection postFederationSignup",
            read=_WRITE,
            references=tuple(
                Reference(path=f"{step}.id", resources=("apiConnectors",))
                for step in ("postAttributeCollection", "postFederationSignup")
            ),
        ),
        Children(owner="b2xUserFlows", segment="apiConnectorConfiguration", links=False, to_one=True),
        owners=_FLOWS,
        expand="postFederationSignup,postAttributeCollection",
    ),
    below(
        _row(
            "b2xUserFlows.languages",
            f"{_FLOWS}/{{id}}/languages",
            _RESTORE_LANGUAGES,
            "id displayName isEnabled",
        ),
        Children(owner="b2xUserFlows", segment="languages", links=False),
        owners=_FLOWS,
    ),
    listed(
        _row(
            "b2cUserFlows",
            _CUSTOMER_FLOWS,
            _restore_flows(_CUSTOMER_FLOWS, "B2C_1_"),
            f"id {' '.join(_FLOW)}",
            beta=True,
        )
    ),
)

RESOURCES = tuple(row.resource for row in _ROWS)
STREAMS = tuple(row.stream for row in _ROWS)
