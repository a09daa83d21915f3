"""The rules of open extensions of users (Graph: "openTypeExtension")."""

from simulator.graph.writes.rules import Rules

RULES = Rules(required=("extensionName",), blank=True, names_itself="extensionName")
