"""The rules of lifecycle workflows (Graph: "Update workflow", "Create customTaskExtension", and so on)."""

from simulator.graph.answers import bad_request
from simulator.graph.writes.rules import Change, Rules


def _check_workflow(change: Change) -> None:
    """Raise Refused (400) if an update changes what only a new version may."""
    if change.given.keys() & {"category", "executionConditions", "tasks"}:
        raise bad_request("Tasks and conditions are changed by createNewVersion.")


WORKFLOW = Rules(
    read_only=frozenset(("createdDateTime", "lastModifiedDateTime", "nextScheduleRunDateTime", "version")),
    not_null=frozenset(("displayName", "isEnabled", "isSchedulingEnabled")),
    checks=(_check_workflow,),
    derived=lambda change: {"lastModifiedDateTime": change.directory.clock.precise()},
    creates=False,
    blank=True,
)
TASK_EXTENSION = Rules(
    required=("authenticationConfiguration", "description", "displayName", "endpointConfiguration"),
    read_only=frozenset(("createdDateTime", "lastModifiedDateTime")),
    defaults=lambda change: {
        "createdDateTime": change.directory.clock.precise(),
        "lastModifiedDateTime": change.directory.clock.precise(),
    },
    blank=True,
)
