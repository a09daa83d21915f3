"""Provisioning jobs and their schemas."""

from tests.contract.coverage.example import Example
from tests.contract.coverage.examples.first import PRINCIPAL

_JOB = "BoxOutDelta.6c2e1d46f0a54bb8ac0ad4ba1b0b2f85.7bd2e2b0-2f02-4a6b-a9a1-7e8b6a0c5d31"
_JOBS = f"servicePrincipals/{PRINCIPAL}/synchronization/jobs"

EXAMPLES = (
    Example(
        "servicePrincipals.synchronizationJobs",
        _JOBS,
        {
            "id": _JOB,
            "templateId": "BoxOutDelta",
            "schedule": {"expiration": None, "interval": "PT40M", "state": "Active"},
            "status": {"code": "Active", "countSuccessiveCompleteFailures": 0, "escrowsPruned": False},
            "synchronizationJobSettings": [{"name": "QuarantineTooManyDeletesThreshold", "value": "500"}],
        },
    ),
    Example(
        "servicePrincipals.synchronizationSchema",
        f"{_JOBS}/{_JOB}/schema",
        {
            "id": _JOB,
            "version": "2018-02-01T00:00:00Z",
            "directories": [{"id": "66e4a8cc-1b7b-435e-95f8-f06cea133828", "name": "Azure Active Directory"}],
            "synchronizationRules": [
                {
                    "id": "4f0c1a9e-3b0f-4b9a-9d7c-2a1b5f6c7d8e",
                    "name": "USER_TO_USER",
                    "sourceDirectoryName": "Azure Active Directory",
                    "targetDirectoryName": "Box",
                    "objectMappings": [],
                }
            ],
        },
    ),
)
