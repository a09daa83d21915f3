"""The application proxy, and authorities that applications trust: resources of Graph's beta version.

The applications of a group of connectors are read from the group: one request for each group instead of one for each
application. (Graph reference: connectorGroup, connector, certificateBasedApplicationConfiguration.)
"""

from shared.domain.resources.restoring import RestoreKind, Restoring, SafeCreate
from shared.domain.resources.rows import Row, below, listed
from shared.domain.resources.table import Children, Resource, Switch

_PROFILE = "/onPremisesPublishingProfiles/applicationProxy"
_GROUPS = f"{_PROFILE}/connectorGroups"
_TRUST = "/directory/certificateAuthorities/certificateBasedApplicationConfigurations"
_PERMISSION = "Directory.ReadWrite.All"
_PLACE = "under Application proxy in the Microsoft Entra admin center"


def _resource(name: str, path: str, properties: str, restoring: Restoring, write: str = _PERMISSION) -> Resource:
    """Return a resource of the application proxy, which Graph shows to people only."""
    return Resource(
        resource=name,
        family="applications",
        path=path,
        permission_read=_PERMISSION,
        permission_write=write,
        licence="P1",
        api="beta",
        for_people=True,
        switch=Switch.BETA,
        properties=tuple(properties.split()),
        restoring=restoring,
        warning="Graph documents only a permission that also writes.",
    )


def _links(segment: str, what: str) -> Row:
    """Return the row of the links of connector groups."""
    catch = f"An administrator assigns {what} to their group."
    restoring = Restoring(kind=RestoreKind.ADMINISTRATOR, stage=13, place=_PLACE, catches=(catch,))
    return below(
        _resource(f"connectorGroups.{segment}", f"{_GROUPS}/{{id}}/{segment}", "", restoring),
        Children(owner="connectorGroups", segment=segment, links=True),
        owners=_GROUPS,
    )


ROWS = (
    listed(
        _resource(
            "connectors",
            f"{_PROFILE}/connectors",
            "id externalIp machineName status version",
            Restoring(
                kind=RestoreKind.NEVER,
                stage=12,
                catches=("A connector is installed software that registers itself.",),
            ),
            write="",
        ),
    ),
    listed(
        _resource(
            "connectorGroups",
            _GROUPS,
            "id connectorGroupType isDefault name region",
            Restoring(
                kind=RestoreKind.ADMINISTRATOR,
                stage=12,
                by_administrator=("name", "region"),
                place=_PLACE,
                catches=("The region of a group can change only while it has no application.",),
            ),
        ),
    ),
    _links("members", "connectors"),
    _links("applications", "applications"),
    listed(
        Resource(
            resource="certificateBasedApplicationConfigurations",
            family="applications",
            path=_TRUST,
            permission_read="AppCertTrustConfiguration.Read.All",
            permission_write="AppCertTrustConfiguration.ReadWrite.All",
            licence="workload-id",
            api="beta",
            switch=Switch.BETA,
            properties=("id", "deletedDateTime", "description", "displayName", "trustedCertificateAuthorities"),
            restoring=Restoring(
                kind=RestoreKind.OBJECT,
                stage=12,
                collection=_TRUST,
                item=f"{_TRUST}/{{id}}",
                required=("displayName", "trustedCertificateAuthorities"),
                writable=("description", "displayName"),
                create_only=("trustedCertificateAuthorities",),
                not_cleared=("displayName",),
                create=SafeCreate.LISTED,
                identified_by=("displayName",),
                brief="a new id",
                catches=(
                    "Authorities of an existing configuration have calls of their own that a restore does not make.",
                ),
            ),
        ),
        expand="trustedCertificateAuthorities",
    ),
)

RESOURCES = tuple(row.resource for row in ROWS)
STREAMS = tuple(row.stream for row in ROWS)
