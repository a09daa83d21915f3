"""Lifecycle workflows."""

from simulator.graph.kinds import properties
from simulator.graph.kinds.building import below, child, collection, only, permitted
from simulator.graph.kinds.model import OwnBin

_PATH = "identityGovernance/lifecycleWorkflows"
_WORKFLOW = """
id category createdDateTime deletedDateTime description displayName isEnabled isSchedulingEnabled lastModifiedDateTime
nextScheduleRunDateTime version
"""

TASKS = child(
    "tasks",
    "identityGovernance.task",
    "id arguments category continueOnError description displayName executionSequence isEnabled taskDefinitionId",
)
WORKFLOWS = collection(
    f"{_PATH}/workflows",
    "identityGovernance.workflow",
    f"{_WORKFLOW} executionConditions",
    permitted("LifecycleWorkflows-Workflow.Read.All", "LifecycleWorkflows-Workflow.ReadWrite.All"),
    below(TASKS),
    licence="Governance",
    default=_WORKFLOW,
    own_bin=OwnBin(f"{_PATH}/deletedItems/workflows"),
    initial=(
        {
            "id": "c007a148-5bf1-4f38-82b4-377fb23b1711",
            "category": "joiner",
            "displayName": "Onboard pre-hire employee",
            "description": "Configure pre-hire tasks for onboarding employees before their first day",
            "isEnabled": True,
            "isSchedulingEnabled": True,
            "createdDateTime": "2024-01-10T20:04:30.619368Z",
            "lastModifiedDateTime": "2024-01-10T20:04:30.619368Z",
            "deletedDateTime": None,
            "nextScheduleRunDateTime": None,
            "version": 1,
            "executionConditions": {
                "@odata.type": "#microsoft.graph.identityGovernance.triggerAndScopeBasedConditions",
                "scope": {
                    "@odata.type": "#microsoft.graph.identityGovernance.ruleBasedSubjectSet",
                    "rule": "(department eq 'Sales')",
                },
                "trigger": {
                    "@odata.type": "#microsoft.graph.identityGovernance.timeBasedAttributeTrigger",
                    "timeBasedAttribute": "employeeHireDate",
                    "offsetInDays": -7,
                },
            },
        },
    ),
)
TASK_EXTENSIONS = collection(
    f"{_PATH}/customTaskExtensions",
    "identityGovernance.customTaskExtension",
    properties.CALLOUT,
    permitted("LifecycleWorkflows-CustomExt.Read.All", "LifecycleWorkflows-CustomExt.ReadWrite.All"),
    licence="Governance",
)
SETTINGS = only(
    f"{_PATH}/settings",
    "identityGovernance.lifecycleManagementSettings",
    "emailSettings workflowScheduleIntervalInHours",
    permitted("LifecycleWorkflows.Read.All", "LifecycleWorkflows.ReadWrite.All"),
    {
        "workflowScheduleIntervalInHours": 3,
        "emailSettings": {"senderDomain": "contoso.com", "useCompanyBranding": False},
    },
    licence="Governance",
)
POLICIES = collection(
    f"{_PATH}/lifecyclePolicies",
    "identityGovernance.lifecyclePolicy",
    "id createdDateTime description displayName lastModifiedDateTime",
    permitted("LifecyclePolicies-AgentId.Read.All"),
    licence="Governance",
)

KINDS = (WORKFLOWS, TASK_EXTENSIONS, SETTINGS, POLICIES)
