"""Entitlement management, access reviews and lifecycle workflows."""

from typing import Any

from tests.contract.coverage.example import Example
from tests.contract.coverage.examples.first import GROUP, USER

_ENTITLEMENTS = "identityGovernance/entitlementManagement"
_WORKFLOWS = "identityGovernance/lifecycleWorkflows"
_REVIEWS = "identityGovernance/accessReviews"
_CATALOG = "b4000000-0000-4000-8000-000000000001"
_PACKAGE = "b4000000-0000-4000-8000-000000000002"
_OTHER_PACKAGE = "b4000000-0000-4000-8000-000000000003"
_POLICY = "b4000000-0000-4000-8000-000000000004"
_ORGANIZATION = "b4000000-0000-4000-8000-000000000005"
REVIEW = "b4000000-0000-4000-8000-000000000006"
_WORKFLOW = "b4000000-0000-4000-8000-000000000007"
_DELETED = "b4000000-0000-4000-8000-000000000008"
_ROLE, _SCOPE = "748f8431-c7c6-404d-8564-df67aa8cfc5e", "83b3e3e9-c8b3-481b-ad80-53e29d1eda9c"
_DATES = {"createdDateTime": "2021-01-26T22:30:57.37Z", "modifiedDateTime": "2021-01-26T22:30:57.37Z"}
_LOGIC_APP = {
    "@odata.type": "#microsoft.graph.logicAppTriggerEndpointConfiguration",
    "subscriptionId": "38ab2ccc-3747-4567-b36b-9478f5602f0d",
    "resourceGroupName": "Onboarding",
    "logicAppWorkflowName": "Order laptop",
}
_SCOPED = {
    "id": _SCOPE,
    "displayName": "Root",
    "description": "Root Scope",
    "originId": GROUP,
    "originSystem": "AadGroup",
    "isRootScope": True,
}


def _catalog() -> dict[str, Any]:
    return {
        "id": _CATALOG,
        "displayName": "Sales",
        "description": "What Sales needs.",
        "catalogType": "userManaged",
        "state": "published",
        "isExternallyVisible": False,
        **_DATES,
    }


def _package(package_id: str, name: str) -> dict[str, Any]:
    return {
        "id": package_id,
        "displayName": name,
        "description": name,
        "isHidden": False,
        **_DATES,
        "catalog": _catalog(),
    }


def _workflow(workflow_id: str, name: str) -> dict[str, Any]:
    return {
        "category": "joiner",
        "description": "Configure new hire tasks",
        "displayName": name,
        "lastModifiedDateTime": "2022-08-24T15:39:17.6496744Z",
        "createdDateTime": "2022-08-24T15:39:17.6496704Z",
        "deletedDateTime": None,
        "id": workflow_id,
        "isEnabled": True,
        "isSchedulingEnabled": False,
        "nextScheduleRunDateTime": None,
        "version": 1,
        "executionConditions": {
            "@odata.type": "#microsoft.graph.identityGovernance.triggerAndScopeBasedConditions",
            "scope": {
                "@odata.type": "#microsoft.graph.identityGovernance.ruleBasedSubjectSet",
                "rule": "(department eq 'Marketing')",
            },
            "trigger": {
                "@odata.type": "#microsoft.graph.identityGovernance.timeBasedAttributeTrigger",
                "timeBasedAttribute": "employeeHireDate",
                "offsetInDays": 0,
            },
        },
    }


EXAMPLES = (
    Example("accessPackageCatalogs", f"{_ENTITLEMENTS}/catalogs", _catalog()),
    Example(
        "accessPackageCatalogs.resources",
        f"{_ENTITLEMENTS}/catalogs/{_CATALOG}/resources",
        {
            "id": "b4000000-0000-4000-8000-000000000011",
            "displayName": "All",
            "description": None,
            "originId": GROUP,
            "originSystem": "AadGroup",
            "attributes": [],
            "scopes": [_SCOPED],
            **_DATES,
        },
    ),
    Example(
        "accessPackageCatalogs.customWorkflowExtensions",
        f"{_ENTITLEMENTS}/catalogs/{_CATALOG}/customWorkflowExtensions",
        {
            "@odata.type": "#microsoft.graph.accessPackageAssignmentRequestWorkflowExtension",
            "id": "b4000000-0000-4000-8000-000000000012",
            "displayName": "Order",
            "description": "Orders a laptop",
            "createdDateTime": "2022-01-24T22:31:41.9173467Z",
            "lastModifiedDateTime": "2022-01-24T22:31:41.9173467Z",
            "endpointConfiguration": _LOGIC_APP,
            "authenticationConfiguration": {
                "@odata.type": "#microsoft.graph.azureAdPopTokenAuthentication",
            },
            "clientConfiguration": None,
            "callbackConfiguration": {"timeoutDuration": "PT1H"},
        },
    ),
    Example("accessPackages", f"{_ENTITLEMENTS}/accessPackages", _package(_PACKAGE, "Sales resources")),
    Example("", f"{_ENTITLEMENTS}/accessPackages", _package(_OTHER_PACKAGE, "Audit resources")),
    Example(
        "accessPackages.resourceRoleScopes",
        f"{_ENTITLEMENTS}/accessPackages/{_PACKAGE}/resourceRoleScopes",
        {
            "id": f"{_ROLE}_{_SCOPE}",
            "createdDateTime": "2023-06-28T01:19:48.4216782Z",
            "role": {
                "id": _ROLE,
                "displayName": "Member",
                "originSystem": "AadGroup",
                "originId": f"Member_{GROUP}",
            },
            "scope": _SCOPED,
        },
    ),
    Example(
        "accessPackages.incompatibleAccessPackages",
        f"{_ENTITLEMENTS}/accessPackages/{_PACKAGE}/incompatibleAccessPackages",
        {"id": _OTHER_PACKAGE},
        shown={"id": _OTHER_PACKAGE},
    ),
    Example(
        "accessPackages.incompatibleGroups",
        f"{_ENTITLEMENTS}/accessPackages/{_PACKAGE}/incompatibleGroups",
        {"id": GROUP},
        shown={"id": GROUP},
    ),
    Example(
        "accessPackageAssignmentPolicies",
        f"{_ENTITLEMENTS}/assignmentPolicies",
        {
            "id": _POLICY,
            "displayName": "All Users",
            "description": "All users in the directory can request access.",
            "allowedTargetScope": "allDirectoryUsers",
            "specificAllowedTargets": [],
            "expiration": {"duration": "P365D", "type": "afterDuration"},
            "requestorSettings": {"enableTargetsToSelfAddAccess": True, "onBehalfRequestors": []},
            "requestApprovalSettings": {
                "isApprovalRequiredForAdd": True,
                "stages": [
                    {
                        "durationBeforeAutomaticDenial": "P7D",
                        "primaryApprovers": [{"@odata.type": "#microsoft.graph.singleUser", "userId": USER}],
                    }
                ],
            },
            **_DATES,
            "accessPackage": {"id": _PACKAGE, "displayName": "Sales resources"},
            "catalog": {"id": _CATALOG, "displayName": "Sales"},
            "questions": [],
            "customExtensionStageSettings": [],
        },
    ),
    Example(
        "accessPackageAssignments",
        f"{_ENTITLEMENTS}/assignments",
        {
            "id": "b4000000-0000-4000-8000-000000000013",
            "state": "delivered",
            "status": "Delivered",
            "expiredDateTime": None,
            "schedule": {"startDateTime": "2021-01-26T22:30:57.37Z", "expiration": {"type": "noExpiration"}},
            "target": {"id": "b4000000-0000-4000-8000-000000000014", "objectId": USER, "subjectType": "user"},
            "accessPackage": {"id": _PACKAGE, "displayName": "Sales resources"},
            "assignmentPolicy": {"id": _POLICY, "displayName": "All Users"},
        },
    ),
    Example(
        "connectedOrganizations",
        f"{_ENTITLEMENTS}/connectedOrganizations",
        {
            "id": _ORGANIZATION,
            "displayName": "Fabrikam",
            "description": "A partner",
            "state": "configured",
            "identitySources": [
                {
                    "@odata.type": "#microsoft.graph.azureActiveDirectoryTenant",
                    "tenantId": "bf85dc9d-cb43-44a4-80c4-469e8c58249e",
                    "displayName": "Fabrikam",
                }
            ],
            **_DATES,
        },
    ),
    *(
        Example(
            f"connectedOrganizations.{segment}",
            f"{_ENTITLEMENTS}/connectedOrganizations/{_ORGANIZATION}/{segment}",
            {"@odata.type": "#microsoft.graph.user", "id": USER},
            shown={"id": USER},
        )
        for segment in ("internalSponsors", "externalSponsors")
    ),
    Example(
        "entitlementManagementSettings",
        f"{_ENTITLEMENTS}/settings",
        {
            "id": "singleton",
            "externalUserLifecycleAction": "blockSignInAndDelete",
            "durationUntilExternalUserDeletedAfterBlocked": "P4D",
        },
    ),
    Example(
        "accessReviewDefinitions",
        f"{_REVIEWS}/definitions",
        {
            "id": REVIEW,
            "displayName": "Guests",
            "createdDateTime": "2021-03-09T00:45:51.6272836Z",
            "lastModifiedDateTime": "2021-03-09T00:46:11.2041753Z",
            "status": "InProgress",
            "scope": {
                "@odata.type": "#microsoft.graph.accessReviewQueryScope",
                "query": f"/groups/{GROUP}/transitiveMembers",
                "queryType": "MicrosoftGraph",
                "queryRoot": None,
            },
            "reviewers": [{"query": "./owners", "queryType": "MicrosoftGraph", "queryRoot": None}],
            "fallbackReviewers": [],
            "settings": {"mailNotificationsEnabled": True, "instanceDurationInDays": 3},
        },
    ),
    Example(
        "accessReviewDefinitions.instances",
        f"{_REVIEWS}/definitions/{REVIEW}/instances",
        {
            "id": "b4000000-0000-4000-8000-000000000015",
            "startDateTime": "2021-03-09T00:46:11Z",
            "endDateTime": "2021-03-12T00:46:11Z",
            "status": "InProgress",
            "scope": {"query": f"/groups/{GROUP}/transitiveMembers", "queryType": "MicrosoftGraph"},
        },
    ),
    Example(
        "accessReviewPolicy",
        f"{_REVIEWS}/policy",
        {
            "id": "accessReviewPolicy",
            "displayName": "AccessReviewPolicy",
            "description": "Access reviews",
            "isGroupOwnerManagementEnabled": True,
        },
    ),
    Example("lifecycleWorkflows", f"{_WORKFLOWS}/workflows", _workflow(_WORKFLOW, "Onboard new hire employee")),
    Example(
        "lifecycleWorkflows.tasks",
        f"{_WORKFLOWS}/workflows/{_WORKFLOW}/tasks",
        {
            "category": "joiner,leaver",
            "continueOnError": False,
            "description": "Add user to selected groups",
            "displayName": "Add User To Groups",
            "executionSequence": 1,
            "id": "072a6872-6052-4d4a-93f0-a0ff3f1dec19",
            "isEnabled": True,
            "taskDefinitionId": "22085229-5809-45e8-97fd-270d28d66910",
            "arguments": [{"name": "groupID", "value": GROUP}],
        },
    ),
    Example(
        "lifecycleWorkflows.executionConditions",
        f"{_WORKFLOWS}/workflows",
        _workflow(_WORKFLOW, "Onboard new hire employee"),
    ),
    Example("", f"{_WORKFLOWS}/workflows", _workflow(_DELETED, "Offboard")),
    Example(
        "lifecycleWorkflows.deleted",
        f"{_WORKFLOWS}/workflows/{_DELETED}",
        {"id": _DELETED, "displayName": "Offboard", "category": "joiner"},
        op="delete",
    ),
    Example(
        "customTaskExtensions",
        f"{_WORKFLOWS}/customTaskExtensions",
        {
            "id": "b4000000-0000-4000-8000-000000000016",
            "displayName": "Grant manager access to mailbox",
            "description": "Grant manager access to mailbox",
            "createdDateTime": "2022-08-24T17:59:03.5770463Z",
            "lastModifiedDateTime": "2022-08-24T17:59:03.5770463Z",
            "endpointConfiguration": _LOGIC_APP,
            "authenticationConfiguration": {
                "@odata.type": "#microsoft.graph.azureAdPopTokenAuthentication",
            },
            "clientConfiguration": {"maximumRetries": 1, "timeoutInMilliseconds": 1000},
            "callbackConfiguration": {"timeoutDuration": "PT20M", "authorizedApps": []},
        },
    ),
    Example(
        "lifecycleManagementSettings",
        f"{_WORKFLOWS}/settings",
        {
            "workflowScheduleIntervalInHours": 3,
            "emailSettings": {"senderDomain": "contoso.com", "useCompanyBranding": True},
        },
    ),
    Example(
        "lifecyclePolicies",
        f"{_WORKFLOWS}/lifecyclePolicies",
        {
            "id": "b4000000-0000-4000-8000-000000000017",
            "displayName": "Agents",
            "description": "Agents without an owner",
            "createdDateTime": "2026-08-24T17:59:03Z",
            "lastModifiedDateTime": "2026-08-24T17:59:03Z",
        },
    ),
)
