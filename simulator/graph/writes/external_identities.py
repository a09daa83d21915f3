"""The rules of user flows and of what external identities meet (Graph: "Create b2xUserFlow", and so on)."""

from simulator.graph.answers import bad_request
from simulator.graph.kinds.external_identities import ATTRIBUTES
from simulator.graph.writes.rules import Change, Removal, Rules
from simulator.graph.writes.shapes import mapping

_MASK = "******"
_EXTENSIONS_APP = "d09380e2b4c642b9a203fb816a04a7ad"
"""The id of the application under which Graph stores attributes, without hyphens."""
_BUILT_IN = "A built-in attribute cannot be changed."


# -- providers and connectors, whose secrets are masked


def _check_mask(change: Change) -> None:
    """Raise Refused (400) for a mask in place of a secret, which would destroy the secret."""
    authentication = mapping(change.given.get("authenticationConfiguration"))
    for value in (
        change.given.get("clientSecret"),
        change.given.get("certificateData"),
        authentication.get("password"),
    ):
        if isinstance(value, str) and value and not value.strip("*"):
            raise bad_request("A secret cannot consist of asterisks.")


def _masked(change: Change) -> dict[str, object]:
    """Return the secrets of the body as later answers show them."""
    given = change.given
    shown: dict[str, object] = {name: _MASK for name in ("clientSecret", "certificateData") if given.get(name)}
    authentication = mapping(given.get("authenticationConfiguration"))
    if "password" in authentication:
        shown["authenticationConfiguration"] = {**authentication, "password": _MASK}
    return shown


PROVIDER = Rules(
    required=("clientId", "clientSecret", "displayName", "identityProviderType"),
    create_only=frozenset(("identityProviderType",)),
    not_null=frozenset(("clientId", "displayName")),
    checks=(_check_mask,),
    derived=_masked,
)
CONNECTOR = Rules(
    required=("authenticationConfiguration", "displayName", "targetUrl"),
    not_null=frozenset(("displayName", "targetUrl")),
    checks=(_check_mask,),
    derived=_masked,
)


# -- attributes and user flows


def _check_attribute(change: Change) -> None:
    if not change.creates and (change.old or {}).get("userFlowAttributeType") != "custom":
        raise bad_request(_BUILT_IN)


def _keep_built_in(removal: Removal) -> None:
    if removal.value.get("userFlowAttributeType") != "custom":
        raise bad_request(_BUILT_IN)


ATTRIBUTE = Rules(
    required=("dataType", "displayName"),
    identify=lambda body: f"extension_{_EXTENSIONS_APP}_{body.get('displayName')}",
    create_only=frozenset(("dataType", "displayName")),
    checks=(_check_attribute,),
    defaults=lambda _: {
        "@odata.type": "#microsoft.graph.identityCustomUserFlowAttribute",
        "description": None,
        "userFlowAttributeType": "custom",
    },
    removing=(_keep_built_in,),
    blank=True,
)


def _flow(prefix: str) -> Rules:
    """Return the rules of user flows, whose ids Graph begins with a prefix."""
    return Rules(
        required=("userFlowType", "userFlowTypeVersion"),
        identify=lambda body: prefix + str(body.get("id")).removeprefix(prefix),
        updates=False,
        blank=True,
    )


GUEST_FLOW, CUSTOMER_FLOW = _flow("B2X_1_"), _flow("B2C_1_")


def _check_assignment(change: Change) -> None:
    attribute = str(mapping(change.value("userAttribute")).get("id"))
    if change.directory.live(ATTRIBUTES, attribute) is None:
        raise bad_request(f"The user attribute '{attribute}' does not exist.")


ASSIGNMENT = Rules(
    required=("displayName", "userAttribute", "userInputType"),
    identify=lambda body: str(mapping(body.get("userAttribute")).get("id")),
    create_only=frozenset(("userAttribute",)),
    not_null=frozenset(("displayName", "userInputType")),
    checks=(_check_assignment,),
    defaults=lambda _: {"isOptional": True, "requiresVerification": False, "userAttributeValues": []},
    blank=True,
)
LANGUAGE = Rules(creates=False, updates=False, replaces=True, deletes=False, not_null=frozenset(("isEnabled",)))


# -- extensions, listeners, flows and federations


def _check_type(change: Change) -> None:
    """Raise Refused (400) if the body does not name the type of the object."""
    if str(change.given.get("@odata.type")).removeprefix("#").rpartition(".")[2] not in change.kind.types:
        raise bad_request("The request needs the type of the object in @odata.type.")


EXTENSION = Rules(
    required=("authenticationConfiguration", "displayName", "endpointConfiguration"), checks=(_check_type,), blank=True
)
LISTENER = Rules(
    required=("conditions", "handler"),
    create_only=frozenset(("authenticationEventsFlowId",)),
    checks=(_check_type,),
    blank=True,
)
EVENTS_FLOW = Rules(required=("displayName",), checks=(_check_type,), blank=True)
FEDERATION = Rules(
    required=("domains", "issuerUri", "passiveSignInUri", "preferredAuthenticationProtocol", "signingCertificate"),
    create_only=frozenset(("domains",)),
    defaults=lambda _: {"displayName": None, "metadataExchangeUri": None},
    blank=True,
)
POLICY = Rules(creates=False, deletes=False, blank=True)
"""Policies that are there from the beginning."""
PROFILE = Rules(creates=False, not_null=frozenset(("displayName",)), blank=True)
