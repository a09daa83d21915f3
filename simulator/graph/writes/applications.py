"""The rules of applications (Graph: "Create application", "Update application")."""

import json
import uuid
from urllib.parse import urlsplit

from simulator.graph import raw_json
from simulator.graph.answers import Answer, Refused, bad_request, not_allowed
from simulator.graph.kinds import APPLICATIONS as KIND
from simulator.graph.kinds import ORGANIZATION, SERVICE_PRINCIPALS
from simulator.graph.kinds.core import EXTENSION_PROPERTIES as EXTENSIONS
from simulator.graph.stored import State
from simulator.graph.values import DOMAIN
from simulator.graph.writes import credentials, entitlements
from simulator.graph.writes.principals import follow
from simulator.graph.writes.rules import Call, Change, Rules, Unique
from simulator.graph.writes.shapes import mapping, mappings, strings
from simulator.graph.writes.undeleting import delete_service_principal

_EMPTY_LISTS = ("addIns", "appRoles", "identifierUris", "keyCredentials", "passwordCredentials", "tags")
_UNVERIFIED = "Values of identifierUris property must use a verified domain of the organization or its subdomain: '{}'"


def _defaults(change: Change) -> dict[str, object]:
    return {
        "appId": str(uuid.uuid4()),
        "createdDateTime": change.directory.clock.precise(),
        "publisherDomain": DOMAIN,
        "requiredResourceAccess": [],
        "signInAudience": "AzureADMyOrg",
        **{name: [] for name in _EMPTY_LISTS},
    }


def _check_addresses(change: Change) -> None:
    """Raise Refused (400) for an identifier URI on a domain that is not verified.

    An application whose service principal signs in by SAML may have any.
    """
    added = set(strings(change.given.get("identifierUris"))) - set(strings((change.old or {}).get("identifierUris")))
    app_id = str((change.old or {}).get("appId"))
    if not added or _uses_saml(change, app_id):
        return
    domains = {str(row["name"]).lower() for row in _verified_domains(change)}
    for address in sorted(added):
        parts = urlsplit(address)
        host = (parts.hostname or "").lower()
        own = parts.scheme == "api" and bool({host, *parts.path.split("/")} & {app_id, change.directory.id})
        if not own and not any(host == domain or host.endswith(f".{domain}") for domain in domains):
            raise Refused(400, "HostNameNotOnVerifiedDomain", _UNVERIFIED.format(address))


def _uses_saml(change: Change, app_id: str) -> bool:
    principals = change.directory.with_value(SERVICE_PRINCIPALS, "appId", app_id)
    return any(
        stored.state is State.LIVE and stored.properties().get("preferredSingleSignOnMode") == "saml"
        for _, stored in principals
    )


def _verified_domains(change: Change) -> list[dict[str, object]]:
    organization = change.directory.live(ORGANIZATION, change.directory.id)
    return mappings(organization.properties().get("verifiedDomains")) if organization else []


def _check_redirect(change: Change) -> None:
    default = change.value("defaultRedirectUri")
    parts = [mapping(change.value(name)) for name in ("web", "spa", "publicClient")]
    known = [uri for part in parts for uri in strings(part.get("redirectUris"))]
    if default and ("defaultRedirectUri" in change.given or "web" in change.given) and default not in known:
        raise bad_request("Property defaultRedirectUri must be one of the redirectUris.")


def set_logo(call: Call) -> Answer:
    """Store the address of an uploaded logo. Return 204."""
    if call.request.method != "PUT":
        raise not_allowed()
    info = mapping(call.stored.properties().get("info"))
    address = f"https://secure.aadcdn.microsoftonline-p.com/{uuid.uuid4()}/logo.png"
    call.directory.patch(call.kind, call.id, json.dumps({"info": {**info, "logoUrl": address}}).encode())
    return Answer(204)


RULES = Rules(
    required=("displayName",),
    read_only=frozenset(
        (
            "appId",
            "applicationTemplateId",
            "certification",
            "createdByAppId",
            "createdDateTime",
            "deletedDateTime",
            "disabledByMicrosoftStatus",
            "publisherDomain",
            "verifiedPublisher",
        )
    ),
    once=frozenset(("uniqueName",)),
    not_null=frozenset(("displayName",)),
    at_most={"displayName": 256},
    unique=(Unique("uniqueName", in_bin=True), Unique("identifierUris")),
    checks=(_check_addresses, _check_redirect, entitlements.check, credentials.check),
    defaults=_defaults,
    derived=credentials.derived,
    stored=follow,
    removed=delete_service_principal,
    actions={"addPassword": credentials.add, "removePassword": credentials.remove, "logo": set_logo},
)


def _check_subject(change: Change) -> None:
    for name in ("issuer", "subject"):
        if change.creates and not change.given.get(name) and not change.given.get("claimsMatchingExpression"):
            raise bad_request(f"A value is required for property '{name}' of resource 'FederatedIdentityCredential'.")


FEDERATED = Rules(
    required=("name", "audiences"),
    create_only=frozenset(("name",)),
    checks=(_check_subject,),
)
"""Federated identity credentials of applications."""


def _full_name(change: Change) -> dict[str, object]:
    application = change.directory.live(KIND, change.owner)
    app_id = str(application.properties().get("appId")).replace("-", "") if application else ""
    return {
        "name": f"extension_{app_id}_{change.given['name']}",
        "appDisplayName": "",
        "deletedDateTime": None,
        "isMultiValued": change.given.get("isMultiValued", False),
        "isSyncedFromOnPremises": False,
    }


def _check_name(change: Change) -> None:
    name = _full_name(change)["name"]
    rows = change.directory.existing_links(KIND, change.owner, EXTENSIONS)
    if any(raw_json.text(value, "name") == name for _, value in rows):
        raise bad_request("An extension property exists with the name specified.")


EXTENSION_PROPERTY = Rules(
    required=("name", "dataType", "targetObjects"), checks=(_check_name,), derived=_full_name, updates=False
)
"""Directory extensions that an application defines."""
