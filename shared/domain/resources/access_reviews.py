"""Access reviews: their definitions, the policy about them, and their instances.

(Graph reference: accessReviewScheduleDefinition, accessReviewPolicy, accessReviewInstance.)
"""

from shared.domain.resources.restoring import RestoreKind, Restoring, SafeCreate
from shared.domain.resources.rows import Row, below, listed, single
from shared.domain.resources.table import Children, Reference, ReferenceKind, Resource, Switch

_DEFINITIONS = "/identityGovernance/accessReviews/definitions"
_POLICY = "/identityGovernance/accessReviews/policy"
_WRITABLE = """
    additionalNotificationRecipients descriptionForAdmins descriptionForReviewers displayName fallbackReviewers
    instanceEnumerationScope reviewers scope settings stageSettings
"""
_QUERIES = """
    fallbackReviewers.query instanceEnumerationScope.query reviewers.query scope.principalScopes.query scope.query
    scope.resourceScopes.query stageSettings.fallbackReviewers.query stageSettings.reviewers.query
"""
_NAMED = ("users", "groups", "servicePrincipals", "accessPackages", "roleDefinitions")

_RESTORE_DEFINITIONS = Restoring(
    kind=RestoreKind.OBJECT,
    stage=15,
    collection=_DEFINITIONS,
    item=f"{_DEFINITIONS}/{{id}}",
    required=("displayName", "scope"),
    writable=tuple(_WRITABLE.split()),
    replaced=True,
    essential=("fallbackReviewers", "instanceEnumerationScope", "reviewers"),
    whole=("instanceEnumerationScope", "scope", "settings"),
    not_cleared=("displayName", "scope"),
    create=SafeCreate.LISTED,
    identified_by=("displayName",),
    brief="past instances do not come back",
    catches=(
        "Scopes and reviewers are queries, in which the ids of recreated objects are replaced.",
        "A review that is recreated begins again: earlier instances and decisions do not come back.",
        "Graph does not move the start of a review that has begun.",
    ),
)

_RESTORE_POLICY = Restoring(
    kind=RestoreKind.SINGLETON, stage=14, item=_POLICY, writable=("isGroupOwnerManagementEnabled",)
)

_RESTORE_INSTANCES = Restoring(
    kind=RestoreKind.NEVER,
    stage=16,
    brief="history",
    catches=("Instances are the history of a review. Graph makes new ones by the definition.",),
)

_ROWS: tuple[Row, ...] = (
    listed(
        Resource(
            resource="accessReviewDefinitions",
            family="governance",
            path=_DEFINITIONS,
            permission_read="AccessReview.Read.All",
            permission_write="AccessReview.ReadWrite.All",
            licence="P2",
            volatile=("lastModifiedDateTime", "status"),
            properties=("id", "createdBy", "createdDateTime", "lastModifiedDateTime", "status", *_WRITABLE.split()),
            references=tuple(
                Reference(path=path, resources=_NAMED, kind=ReferenceKind.TEXT) for path in _QUERIES.split()
            ),
            restoring=_RESTORE_DEFINITIONS,
        )
    ),
    single(
        Resource(
            resource="accessReviewPolicy",
            family="governance",
            path=_POLICY,
            api="beta",
            permission_read="Policy.Read.All",
            permission_write="Policy.ReadWrite.AccessReview",
            licence="P2",
            properties=("id", "description", "displayName", "isGroupOwnerManagementEnabled"),
            restoring=_RESTORE_POLICY,
            switch=Switch.BETA,
        )
    ),
    below(
        Resource(
            resource="accessReviewDefinitions.instances",
            family="governance",
            path=f"{_DEFINITIONS}/{{id}}/instances",
            permission_read="AccessReview.Read.All",
            permission_write="",
            licence="P2",
            volatile=("status",),
            properties=("id", "endDateTime", "fallbackReviewers", "reviewers", "scope", "startDateTime", "status"),
            restoring=_RESTORE_INSTANCES,
            switch=Switch.OPTIONAL,
        ),
        Children(owner="accessReviewDefinitions", segment="instances", links=False),
        owners=_DEFINITIONS,
    ),
)

RESOURCES = tuple(row.resource for row in _ROWS)
STREAMS = tuple(row.stream for row in _ROWS)
