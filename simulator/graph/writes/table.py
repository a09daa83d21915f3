"""The rules of every kind that Graph lets clients write."""

from simulator.graph.kinds import (
    APPLICATIONS,
    DEVICES,
    DIRECTORY_ROLES,
    EXTENSIONS,
    GRANTS,
    GROUP_SETTINGS,
    GROUPS,
    KINDS,
    ORGANIZATION,
    POLICIES,
    ROLE_ASSIGNMENTS,
    SERVICE_PRINCIPALS,
    UNITS,
    USERS,
    Kind,
)
from simulator.graph.kinds.conditional_access import CONTEXTS, LOCATIONS, STRENGTHS
from simulator.graph.kinds.roles import DEFINITIONS
from simulator.graph.kinds.tenant import CLAIMS_MAPPING, HOME_REALM, LIFECYCLE, SETTINGS
from simulator.graph.writes import access, applications, devices, extensions, groups, roles, tenant, users
from simulator.graph.writes.rules import Rules

RULES: dict[Kind, Rules] = {
    **{kind: tenant.ONLY for kind in KINDS.values() if kind.singleton},
    USERS: users.RULES,
    EXTENSIONS: extensions.RULES,
    GROUPS: groups.RULES,
    GROUP_SETTINGS: groups.SETTINGS,
    DEVICES: devices.RULES,
    APPLICATIONS: applications.APPLICATIONS,
    SERVICE_PRINCIPALS: applications.SERVICE_PRINCIPALS,
    GRANTS: applications.GRANTS,
    POLICIES: access.POLICIES,
    LOCATIONS: access.LOCATIONS,
    CONTEXTS: access.CONTEXTS,
    STRENGTHS: access.STRENGTHS,
    ROLE_ASSIGNMENTS: roles.ASSIGNMENTS,
    DEFINITIONS: roles.DEFINITIONS,
    UNITS: roles.UNITS,
    DIRECTORY_ROLES: Rules(),
    CLAIMS_MAPPING: tenant.DEFINED,
    HOME_REALM: tenant.DEFINED,
    SETTINGS: tenant.SETTINGS,
    LIFECYCLE: tenant.LIFECYCLE,
    ORGANIZATION: Rules(blank=True, deletes=False),
}
