"""Provisioning from on-premises, the application proxy, and authorities that applications trust."""

from simulator.graph.kinds.model import Kind, Relation

_PROFILES = "onPremisesPublishingProfiles"
_PUBLISHING = frozenset(("OnPremisesPublishingProfiles.ReadWrite.All",))
_PROXY = frozenset(("Directory.ReadWrite.All",))
_TRUST = frozenset(("AppCertTrustConfiguration.Read.All", "AppCertTrustConfiguration.ReadWrite.All"))


def _published(path: str, type: str, names: str, permission: frozenset[str], *relations: Relation) -> Kind:
    """Return a kind of a publishing profile, which Graph shows to people only."""
    return Kind(
        path=f"{_PROFILES}/{path}",
        type=type,
        properties=tuple(names.split()),
        read=permission,
        write=permission,
        open=False,
        delegated=True,
        relations=relations,
    )


SYNCHRONIZATION = Kind(
    path="directory/onPremisesSynchronization",
    type="onPremisesDirectorySynchronization",
    properties=("id", "configuration", "features"),
    read=frozenset(("OnPremDirectorySynchronization.Read.All", "OnPremDirectorySynchronization.ReadWrite.All")),
    write=frozenset(("OnPremDirectorySynchronization.ReadWrite.All",)),
    delegated=True,
)
CONNECTOR_GROUPS = _published(
    "applicationProxy/connectorGroups",
    "connectorGroup",
    "id connectorGroupType isDefault name region",
    _PROXY,
    Relation("members", 1, targets=(f"{_PROFILES}/applicationProxy/connectors",)),
    Relation("applications", 1, targets=("applications",)),
)
CONNECTORS = _published("applicationProxy/connectors", "connector", "id externalIp machineName status version", _PROXY)
AGENTS = _published(
    "provisioning/agents", "onPremisesAgent", "id externalIp machineName status supportedPublishingTypes", _PUBLISHING
)
AGENT_GROUPS = _published(
    "provisioning/agentGroups",
    "onPremisesAgentGroup",
    "id displayName isDefault publishingType",
    _PUBLISHING,
    Relation("agents", 1, targets=(AGENTS.path,)),
)
PUBLISHED_RESOURCES = _published(
    "provisioning/publishedResources",
    "publishedResource",
    "id displayName publishingType resourceName",
    _PUBLISHING,
    Relation("agentGroups", 1, targets=(AGENT_GROUPS.path,)),
)
AUTHORITY = Kind(
    path="trustedCertificateAuthorities",
    type="certificateAuthorityAsEntity",
    properties=("id", "deletedDateTime", "certificate", "isRootAuthority", "issuer", "issuerSubjectKeyIdentifier"),
    read=frozenset(),
    write=frozenset(),
)
TRUST = Kind(
    path="directory/certificateAuthorities/certificateBasedApplicationConfigurations",
    type="certificateBasedApplicationConfiguration",
    properties=("id", "deletedDateTime", "description", "displayName", "trustedCertificateAuthorities"),
    read=_TRUST,
    write=frozenset(("AppCertTrustConfiguration.ReadWrite.All",)),
    relations=(Relation("trustedCertificateAuthorities", 1, child=AUTHORITY),),
)

# -- what service principals have below them

_SYNC = frozenset(("Synchronization.Read.All", "Synchronization.ReadWrite.All"))
JOB = Kind(
    path="synchronizationJobs",
    type="synchronizationJob",
    properties=("id", "bulkUpload", "schedule", "schema", "status", "synchronizationJobSettings", "templateId"),
    read=_SYNC,
    write=frozenset(("Synchronization.ReadWrite.All",)),
    licence="P1",
)
SCHEMA = Kind(
    path="synchronizationSchema",
    type="synchronizationSchema",
    properties=("id", "directories", "synchronizationRules", "version"),
    read=JOB.read,
    write=JOB.write,
    licence="P1",
)

KINDS = (SYNCHRONIZATION, CONNECTOR_GROUPS, CONNECTORS, AGENTS, AGENT_GROUPS, PUBLISHED_RESOURCES, TRUST)
