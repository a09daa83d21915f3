"""Jobs that copy identities into other systems, and the schemas by which they map attributes.

Graph tracks no jobs in a delta, and does not say which service principals have any. (Graph reference: synchronizationJob,
synchronizationSchema.)
"""

from shared.domain.resources.restoring import RestoreKind, Restoring, SafeCreate
from shared.domain.resources.rows import below
from shared.domain.resources.table import Children, Resource, Rhythm

_PRINCIPALS = "/servicePrincipals"
_JOBS = "synchronization/jobs"
_READ, _WRITE = "Synchronization.Read.All", "Synchronization.ReadWrite.All"
_JOB = "id bulkUpload schedule schema status synchronizationJobSettings templateId"

ROWS = (
    below(
        Resource(
            resource="servicePrincipals.synchronizationJobs",
            family="provisioning",
            path=f"{_PRINCIPALS}/{{id}}/{_JOBS}",
            permission_read=_READ,
            permission_write=_WRITE,
            licence="P1",
            volatile=("status",),
            properties=tuple(_JOB.split()),
            restoring=Restoring(
                kind=RestoreKind.ROW,
                stage=10,
                collection=f"{_PRINCIPALS}/{{owner}}/{_JOBS}",
                item=f"{_PRINCIPALS}/{{owner}}/{_JOBS}/{{id}}",
                required=("templateId",),
                create_only=("templateId",),
                create=SafeCreate.LISTED,
                identified_by=("templateId",),
                brief="stopped, without credentials",
                catches=(
                    "Credentials of the other system cannot be read: enter them again, and start the job.",
                    "A job that is created again begins with a full cycle: its watermarks do not come back.",
                ),
            ),
        ),
        Children(owner="servicePrincipals", segment=_JOBS, name="synchronizationJobs", links=False),
        owners=_PRINCIPALS,
        rhythm=Rhythm.SELDOM,
    ),
    below(
        Resource(
            resource="servicePrincipals.synchronizationSchema",
            family="provisioning",
            path=f"{_PRINCIPALS}/{{id}}/{_JOBS}/{{id}}/schema",
            permission_read=_READ,
            permission_write=_WRITE,
            licence="P1",
            volatile=("version",),
            properties=("id", "directories", "synchronizationRules", "version"),
            restoring=Restoring(
                kind=RestoreKind.SINGLETON,
                stage=11,
                item=f"{_PRINCIPALS}/{{owner}}/{_JOBS}/{{through}}/schema",
                writable=("directories", "synchronizationRules"),
                replaced=True,
                whole=("directories", "synchronizationRules"),
                not_cleared=("directories", "synchronizationRules"),
                brief="mappings and scoping filters as a whole",
                catches=(
                    "A job that was created again has a new id: write its schema by hand, as the snapshot shows.",
                ),
            ),
        ),
        Children(
            owner="servicePrincipals",
            segment="schema",
            name="synchronizationSchema",
            links=False,
            to_one=True,
            through=_JOBS,
        ),
        owners=_PRINCIPALS,
        rhythm=Rhythm.SELDOM,
    ),
)

RESOURCES = tuple(row.resource for row in ROWS)
STREAMS = tuple(row.stream for row in ROWS)
