"""The rules of what service principals have below them, and of authorities that applications trust."""

from simulator.graph import raw_json
from simulator.graph.answers import bad_request
from simulator.graph.kinds import SERVICE_PRINCIPALS
from simulator.graph.kinds.principal_parts import OF_PRINCIPALS
from simulator.graph.writes.rules import Change, Rules


def _check_once(change: Change) -> None:
    """Raise Refused (400) for a second classification of a permission."""
    rows = change.directory.existing_links(SERVICE_PRINCIPALS, change.owner, OF_PRINCIPALS[0])
    if any(raw_json.text(value, "permissionId") == change.given.get("permissionId") for _, value in rows):
        raise bad_request("A permission classification exists for the permission specified.")


CLASSIFICATION = Rules(
    required=("classification", "permissionId", "permissionName"), checks=(_check_once,), updates=False
)
REMOTE_DESKTOP = Rules(not_null=frozenset(("isRemoteDesktopProtocolEnabled",)))
CLAIMS_POLICY = Rules(replaces=True, blank=True)
JOB = Rules(
    required=("templateId",),
    updates=False,
    defaults=lambda _: {"schedule": {"expiration": None, "interval": "PT40M", "state": "Disabled"}},
)
SCHEMA = Rules(creates=False, updates=False, replaces=True, deletes=False, blank=True)
TRUST = Rules(
    required=("displayName", "trustedCertificateAuthorities"),
    create_only=frozenset(("trustedCertificateAuthorities",)),
    not_null=frozenset(("displayName",)),
)
