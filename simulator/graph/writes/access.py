"""The rules of Conditional Access."""

from simulator.graph.writes.rules import Change, Rules


def _defaults(change: Change) -> dict[str, object]:
    nothing: dict[str, object] = dict.fromkeys(("templateId", "modifiedDateTime", "sessionControls", "grantControls"))
    return {"createdDateTime": change.directory.clock.precise(), **nothing}


POLICIES = Rules(required=("displayName", "state", "conditions"), defaults=_defaults, code="BadRequest", blank=True)
LOCATIONS = Rules(required=("displayName",), code="BadRequest")
CONTEXTS = Rules(code="BadRequest", blank=True)
STRENGTHS = Rules(required=("displayName", "allowedCombinations"), code="BadRequest", blank=True)
