"""The naming policy for Microsoft 365 groups, which is a setting of the directory (Graph: "groupSetting resource type")."""

from simulator.graph.answers import bad_request
from simulator.graph.directory import Directory
from simulator.graph.kinds.tenant import SETTINGS
from simulator.graph.writes.rules import Change
from simulator.graph.writes.shapes import mappings

_GROUP_NAME = "[GroupName]"
_UNIFIED = "62375ab9-6b52-47ed-826b-58e47e0e304b"


def check_name(change: Change) -> None:
    """Raise Refused (400) for a Microsoft 365 group whose name breaks the policy.

    A policy with attributes of users, such as `[Department]`, is not checked.
    """
    types = change.value("groupTypes")
    if not isinstance(types, list) or "Unified" not in types:
        return
    values = _values(change.directory)
    prefix, separator, suffix = values.get("PrefixSuffixNamingRequirement", "").partition(_GROUP_NAME)
    blocked = {word.strip().lower() for word in values.get("CustomBlockedWordsList", "").split(",")} - {""}
    for name in ("displayName", "mailNickname"):
        text = str(change.given.get(name) or "")
        if not text:
            continue
        if separator and "[" not in prefix + suffix and not (text.startswith(prefix) and text.endswith(suffix)):
            raise bad_request(f"The property '{name}' must begin and end as the naming policy requires.")
        if any(word in text.lower().split() for word in blocked):
            raise bad_request(f"The property '{name}' has a word that the naming policy blocks.")


def _values(directory: Directory) -> dict[str, str]:
    for _, stored in directory.walk(SETTINGS):
        setting = stored.properties()
        if setting.get("templateId") == _UNIFIED:
            return {str(row.get("name")): str(row.get("value") or "") for row in mappings(setting.get("values"))}
    return {}
