"""Lifecycle workflows with their tasks and conditions, their extensions and settings, and the recycle bin of workflows.

Graph's listing has neither tasks nor conditions. (Graph reference: identityGovernance workflow, task,
customTaskExtension, lifecycleManagementSettings.)
"""

from shared.domain.resources.restoring import Bin, RestoreKind, Restoring, SafeCreate
from shared.domain.resources.rows import Row, below, listed, single
from shared.domain.resources.table import Children, Reference, ReferenceKind, Resource, Switch

_PATH = "/identityGovernance/lifecycleWorkflows"
_WORKFLOWS, _EXTENSIONS = f"{_PATH}/workflows", f"{_PATH}/customTaskExtensions"
_BIN = f"{_PATH}/deletedItems/workflows"
_READ, _WRITE = "LifecycleWorkflows-Workflow.Read.All", "LifecycleWorkflows-Workflow.ReadWrite.All"
_SWITCHES = ("isEnabled", "isSchedulingEnabled")
_WORKFLOW = f"""
    id category createdDateTime deletedDateTime description displayName {" ".join(_SWITCHES)} lastModifiedDateTime
    nextScheduleRunDateTime version
"""
_TASK = """
    id arguments category continueOnError description displayName executionSequence isEnabled taskDefinitionId
"""
_EXTENSION = """
    authenticationConfiguration callbackConfiguration clientConfiguration description displayName endpointConfiguration
"""
_DATES = ("lastModifiedDateTime", "nextScheduleRunDateTime")
_NEW_VERSION = "Graph changes tasks and conditions in a new version of the workflow"
_SETTINGS = ("emailSettings", "workflowScheduleIntervalInHours")

_RESTORE_WORKFLOWS = Restoring(
    kind=RestoreKind.OBJECT,
    stage=14,
    item=f"{_WORKFLOWS}/{{id}}",
    writable=("description", "displayName", *_SWITCHES),
    last=_SWITCHES,
    not_cleared=("displayName", *_SWITCHES),
    create=SafeCreate.NEVER,
    bin=Bin(path=_BIN, restore=f"{_BIN}/{{id}}/restore"),
    brief="after 30 days in the recycle bin by an administrator",
    catches=(
        "A deleted workflow stays in its recycle bin for 30 days. After that, an administrator creates it again.",
        "A workflow is enabled and scheduled after everything else.",
    ),
)

_RESTORE_TASKS = Restoring(
    kind=RestoreKind.ADMINISTRATOR,
    stage=15,
    by_hand=_NEW_VERSION,
    by_administrator=tuple(name for name in _TASK.split() if name != "id"),
    brief="in a new version of the workflow",
    catches=("Arguments name groups, teams, access packages and extensions.",),
)

_RESTORE_CONDITIONS = Restoring(
    kind=RestoreKind.ADMINISTRATOR,
    stage=15,
    by_hand=_NEW_VERSION,
    by_administrator=("executionConditions",),
    brief="in a new version of the workflow",
)

_RESTORE_EXTENSIONS = Restoring(
    kind=RestoreKind.OBJECT,
    stage=12,
    collection=_EXTENSIONS,
    item=f"{_EXTENSIONS}/{{id}}",
    required=("authenticationConfiguration", "description", "displayName", "endpointConfiguration"),
    writable=tuple(_EXTENSION.split()),
    whole=tuple(name for name in _EXTENSION.split() if name.endswith("Configuration")),
    not_cleared=("authenticationConfiguration", "displayName", "endpointConfiguration"),
    create=SafeCreate.LISTED,
    identified_by=("displayName",),
    brief="its Logic App stays in Azure",
    catches=("The Logic App is part of an Azure subscription, and must exist before the extension is written.",),
)

_RESTORE_SETTINGS = Restoring(
    kind=RestoreKind.SINGLETON, stage=14, item=f"{_PATH}/settings", writable=_SETTINGS, whole=("emailSettings",)
)

_RESTORE_DELETED = Restoring(
    kind=RestoreKind.NEVER,
    stage=16,
    brief="a restore of workflows undeletes them",
    catches=("The recycle bin shows what was deleted in the last 30 days. Graph offers no way to fill it.",),
)

_RESTORE_POLICIES = Restoring(
    kind=RestoreKind.ADMINISTRATOR,
    stage=14,
    by_hand="The policies are a preview of Graph's, which may still change how they are written",
    by_administrator=("description", "displayName"),
    catches=("A deleted policy stays in the recycle bin of lifecycle workflows for 30 days.",),
)


def _workflows(
    name: str, path: str, restoring: Restoring, properties: str, references: tuple[Reference, ...] = ()
) -> Resource:
    """Return a resource of workflows."""
    return Resource(
        resource=name,
        family="governance",
        path=path,
        permission_read=_READ,
        permission_write=_WRITE,
        licence="Governance",
        properties=tuple(properties.split()),
        volatile=_DATES if "version" in properties else (),
        references=references,
        restoring=restoring,
    )


_ROWS: tuple[Row, ...] = (
    listed(_workflows("lifecycleWorkflows", _WORKFLOWS, _RESTORE_WORKFLOWS, _WORKFLOW)),
    below(
        _workflows(
            "lifecycleWorkflows.tasks",
            f"{_WORKFLOWS}/{{id}}/tasks",
            _RESTORE_TASKS,
            _TASK,
            (
                Reference(
                    path="arguments.value",
                    resources=("groups", "accessPackages", "accessPackageAssignmentPolicies", "customTaskExtensions"),
                    foreign=True,
                ),
            ),
        ),
        Children(owner="lifecycleWorkflows", segment="tasks", links=False),
        owners=_WORKFLOWS,
    ),
    below(
        _workflows(
            "lifecycleWorkflows.executionConditions",
            f"{_WORKFLOWS}/{{id}}/executionConditions",
            _RESTORE_CONDITIONS,
            "id executionConditions",
            (Reference(path="executionConditions.scope.rule", resources=("users", "groups"), kind=ReferenceKind.TEXT),),
        ),
        Children(
            owner="lifecycleWorkflows", segment="executionConditions", links=False, detail=("executionConditions",)
        ),
        owners=_WORKFLOWS,
    ),
    listed(
        Resource(
            resource="customTaskExtensions",
            family="governance",
            path=_EXTENSIONS,
            permission_read="LifecycleWorkflows-CustomExt.Read.All",
            permission_write="LifecycleWorkflows-CustomExt.ReadWrite.All",
            licence="Governance",
            volatile=("lastModifiedDateTime",),
            properties=("id", "createdDateTime", "lastModifiedDateTime", *_EXTENSION.split()),
            restoring=_RESTORE_EXTENSIONS,
        )
    ),
    single(
        Resource(
            resource="lifecycleManagementSettings",
            family="governance",
            path=f"{_PATH}/settings",
            permission_read="LifecycleWorkflows.Read.All",
            permission_write="LifecycleWorkflows.ReadWrite.All",
            licence="Governance",
            properties=_SETTINGS,
            restoring=_RESTORE_SETTINGS,
        )
    ),
    listed(_workflows("lifecycleWorkflows.deleted", _BIN, _RESTORE_DELETED, _WORKFLOW)),
    listed(
        Resource(
            resource="lifecyclePolicies",
            family="governance",
            path=f"{_PATH}/lifecyclePolicies",
            api="beta",
            permission_read="LifecyclePolicies-AgentId.Read.All",
            permission_write="LifecyclePolicies-AgentId.ReadWrite.All",
            licence="Governance",
            volatile=("lastModifiedDateTime",),
            properties=("id", "createdDateTime", "description", "displayName", "lastModifiedDateTime"),
            restoring=_RESTORE_POLICIES,
            switch=Switch.BETA,
        )
    ),
)

RESOURCES = tuple(row.resource for row in _ROWS)
STREAMS = tuple(row.stream for row in _ROWS)
