"""The rules of entitlement management and access reviews (Graph: "Create accessPackageCatalog", and so on)."""

from simulator.graph.answers import Refused, bad_request
from simulator.graph.kinds.governance import CATALOGS, PACKAGES
from simulator.graph.writes.rules import Change, Removal, Rules
from simulator.graph.writes.shapes import mapping

_DATES = frozenset(("createdDateTime", "modifiedDateTime"))


def _dates(change: Change) -> dict[str, object]:
    now = change.directory.clock.precise()
    return {"createdDateTime": now, "modifiedDateTime": now}


def _catalog(change: Change) -> dict[str, object]:
    return {
        **_dates(change),
        "catalogType": "userManaged",
        "description": None,
        "isExternallyVisible": False,
        "state": "published",
    }


def _keep_full(removal: Removal) -> None:
    """Raise Refused (400) if the catalog contains a package."""
    packages = removal.directory.walk(PACKAGES)
    if any(mapping(stored.properties().get("catalog")).get("id") == removal.id for _, stored in packages):
        raise bad_request("A catalog with access packages cannot be deleted.")


CATALOG = Rules(
    required=("displayName",), read_only=_DATES | {"catalogType"}, defaults=_catalog, removing=(_keep_full,), blank=True
)


def _check_package(change: Change) -> None:
    catalog = str(mapping(change.given.get("catalog")).get("id"))
    if change.creates and change.directory.reachable(CATALOGS, catalog) is None:
        raise Refused(404, "ResourceNotFound", f"The catalog '{catalog}' does not exist.")


PACKAGE = Rules(
    required=("displayName", "catalog"),
    create_only=frozenset(("catalog",)),
    read_only=_DATES,
    checks=(_check_package,),
    defaults=lambda change: {**_dates(change), "description": None, "isHidden": False},
    blank=True,
)
WORKFLOW_EXTENSION = Rules(
    required=("displayName", "endpointConfiguration"),
    read_only=frozenset(("createdDateTime", "lastModifiedDateTime")),
    defaults=lambda change: {
        "createdDateTime": change.directory.clock.precise(),
        "lastModifiedDateTime": change.directory.clock.precise(),
    },
    blank=True,
)
"""Extensions of catalogs and of lifecycle workflows, which call a Logic App."""
CONNECTED_ORGANIZATION = Rules(
    required=("displayName", "identitySources"),
    create_only=frozenset(("identitySources",)),
    read_only=_DATES,
    defaults=lambda change: {**_dates(change), "description": None, "state": "configured"},
    blank=True,
)
SETTINGS = Rules(deletes=False, blank=True)
"""Settings of which a directory has one object."""


def _check_assignment_policy(change: Change) -> None:
    package = str(mapping(change.value("accessPackage")).get("id"))
    if change.directory.reachable(PACKAGES, package) is None:
        raise Refused(404, "ResourceNotFound", f"The access package '{package}' does not exist.")


ASSIGNMENT_POLICY = Rules(
    required=("displayName", "accessPackage"),
    checks=(_check_assignment_policy,),
    defaults=_dates,
    updates=False,
    replaces=True,
    blank=True,
)


def _check_review(change: Change) -> None:
    scope = mapping(change.value("scope"))
    if not scope.get("query") and not scope.get("resourceScopes"):
        raise bad_request("An access review needs a scope with a query.")


REVIEW = Rules(
    required=("displayName", "scope"),
    checks=(_check_review,),
    defaults=lambda change: {
        "createdDateTime": change.directory.clock.precise(),
        "lastModifiedDateTime": change.directory.clock.precise(),
        "status": "NotStarted",
    },
    updates=False,
    replaces=True,
    blank=True,
)
