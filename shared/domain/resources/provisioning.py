"""Synchronisation from on-premises, and the agents that provision it.

(Graph reference: onPremisesDirectorySynchronization, onPremisesAgent, onPremisesAgentGroup, publishedResource.)
"""

from shared.domain.resources.restoring import RestoreKind, Restoring
from shared.domain.resources.rows import listed
from shared.domain.resources.table import Reference, Resource, Switch

_PROFILE = "/onPremisesPublishingProfiles/provisioning"
_PROFILE_PERMISSION = "OnPremisesPublishingProfiles.ReadWrite.All"

ROWS = (
    listed(
        Resource(
            resource="onPremisesSynchronization",
            family="provisioning",
            path="/directory/onPremisesSynchronization",
            permission_read="OnPremDirectorySynchronization.Read.All",
            permission_write="OnPremDirectorySynchronization.ReadWrite.All",
            licence="none",
            for_people=True,
            properties=("id", "configuration", "features"),
            restoring=Restoring(
                kind=RestoreKind.ADMINISTRATOR,
                stage=12,
                by_administrator=("configuration", "features"),
                place="with PowerShell (Update-MgDirectoryOnPremiseSynchronization)",
                catches=("Only a Global Administrator may write it.",),
            ),
        ),
    ),
    listed(
        Resource(
            resource="provisioningAgents",
            family="provisioning",
            path=f"{_PROFILE}/agents",
            permission_read=_PROFILE_PERMISSION,
            permission_write="",
            licence="none",
            api="beta",
            for_people=True,
            switch=Switch.BETA,
            volatile=("status",),
            properties=("id", "externalIp", "machineName", "status", "supportedPublishingTypes"),
            restoring=Restoring(
                kind=RestoreKind.NEVER,
                stage=12,
                catches=("An agent is installed software that registers itself.",),
            ),
            warning="Graph documents only a permission that also writes.",
        ),
    ),
    listed(
        Resource(
            resource="provisioningAgentGroups",
            family="provisioning",
            path=f"{_PROFILE}/agentGroups",
            permission_read=_PROFILE_PERMISSION,
            permission_write=_PROFILE_PERMISSION,
            licence="none",
            api="beta",
            for_people=True,
            switch=Switch.BETA,
            properties=("id", "agents", "displayName", "isDefault", "publishingType"),
            references=(Reference(path="agents.id", resources=("provisioningAgents",), foreign=True),),
            restoring=Restoring(
                kind=RestoreKind.ADMINISTRATOR,
                stage=13,
                by_administrator=("displayName", "publishingType"),
                place="with Graph Explorer, as an administrator",
            ),
            warning="Graph documents only a permission that also writes.",
        ),
        expand="agents",
    ),
    listed(
        Resource(
            resource="provisioningPublishedResources",
            family="provisioning",
            path=f"{_PROFILE}/publishedResources",
            permission_read=_PROFILE_PERMISSION,
            permission_write=_PROFILE_PERMISSION,
            licence="none",
            api="beta",
            for_people=True,
            switch=Switch.BETA,
            properties=("id", "agentGroups", "displayName", "publishingType", "resourceName"),
            references=(Reference(path="agentGroups.id", resources=("provisioningAgentGroups",), foreign=True),),
            restoring=Restoring(
                kind=RestoreKind.ADMINISTRATOR,
                stage=14,
                by_administrator=("displayName", "publishingType", "resourceName"),
                place="with Graph Explorer, as an administrator",
            ),
            warning="Graph documents only a permission that also writes.",
        ),
        expand="agentGroups",
    ),
)

RESOURCES = tuple(row.resource for row in ROWS)
STREAMS = tuple(row.stream for row in ROWS)
