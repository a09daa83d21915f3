"""The rules of policies and settings of the whole directory."""

from simulator.graph.writes.rules import Rules

DEFINED = Rules(required=("definition", "displayName"), blank=True)
"""Policies that consist of a definition."""
SETTINGS = Rules(required=("templateId", "values"), blank=True)
LIFECYCLE = Rules(required=("groupLifetimeInDays", "managedGroupTypes"), blank=True)
ONLY = Rules(blank=True, deletes=False)
"""A policy of which each directory has one."""
