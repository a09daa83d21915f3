"""Policies about applications of which a directory has one each.

(Graph reference: tenantAppManagementPolicy, adminConsentRequestPolicy.)
"""

from shared.domain.resources.restoring import RestoreKind, Restoring
from shared.domain.resources.rows import single
from shared.domain.resources.table import Reference, ReferenceKind, Resource

_DEFAULT = "/policies/defaultAppManagementPolicy"
_REQUESTS = "/policies/adminConsentRequestPolicy"
_READ, _WRITE = "Policy.Read.All", "Policy.ReadWrite.ApplicationConfiguration"
_CONSENT_REQUESTS = "isEnabled notifyReviewers remindersEnabled requestDurationInDays reviewers"

_RESTORE_DEFAULT = Restoring(
    kind=RestoreKind.SINGLETON,
    stage=13,
    item=_DEFAULT,
    writable=("applicationRestrictions", "isEnabled", "servicePrincipalRestrictions"),
    whole=("applicationRestrictions", "servicePrincipalRestrictions"),
    not_cleared=("isEnabled",),
    catches=("It is written after applications, because it may refuse secrets and audiences of theirs.",),
)

_RESTORE_REQUESTS = Restoring(
    kind=RestoreKind.SINGLETON,
    stage=10,
    item=_REQUESTS,
    writable=tuple(_CONSENT_REQUESTS.split()),
    replaced=True,
    whole=("reviewers",),
    not_cleared=tuple(_CONSENT_REQUESTS.split()),
    catches=("Reviewers are queries that contain ids of users and groups; ids of recreated ones are replaced.",),
)

ROWS = (
    single(
        Resource(
            resource="defaultAppManagementPolicy",
            family="applications",
            path=_DEFAULT,
            permission_read=_READ,
            permission_write=_WRITE,
            licence="none",
            everywhere=True,
            properties=(
                "id",
                "deletedDateTime",
                "applicationRestrictions",
                "description",
                "displayName",
                "isEnabled",
                "servicePrincipalRestrictions",
            ),
            restoring=_RESTORE_DEFAULT,
        ),
    ),
    single(
        Resource(
            resource="adminConsentRequestPolicy",
            family="applications",
            path=_REQUESTS,
            permission_read=_READ,
            permission_write="Policy.ReadWrite.ConsentRequest",
            licence="none",
            everywhere=True,
            volatile=("version",),
            properties=("id", "version", *_CONSENT_REQUESTS.split()),
            references=(Reference(path="reviewers.query", resources=("users", "groups"), kind=ReferenceKind.TEXT),),
            restoring=_RESTORE_REQUESTS,
        ),
    ),
)

RESOURCES = tuple(row.resource for row in ROWS)
STREAMS = tuple(row.stream for row in ROWS)
