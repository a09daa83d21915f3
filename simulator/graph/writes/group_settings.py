"""The rules of the settings of one group (Graph: "groupSetting")."""

import json

from simulator.graph.answers import bad_request
from simulator.graph.directory import Directory
from simulator.graph.kinds import GROUPS
from simulator.graph.writes.checking import CONFLICT
from simulator.graph.writes.rules import Change, Rules


def settings_of(directory: Directory, group: str) -> list[dict[str, object]]:
    """Return the settings of a group."""
    relation = GROUPS.relation("settings")
    links = directory.existing_links(GROUPS, group, relation) if relation else []
    return [json.loads(value) for _, value in links]


def _check_only(change: Change) -> None:
    """Refuse a second setting of one template in a group."""
    if change.creates:
        for other in settings_of(change.directory, change.owner):
            if other.get("templateId") == change.given["templateId"]:
                raise bad_request(CONFLICT)


RULES = Rules(
    required=("templateId", "values"),
    create_only=frozenset(("templateId",)),
    blank=True,
    checks=(_check_only,),
    defaults=lambda _: {"displayName": "Group.Unified.Guest"},
)
