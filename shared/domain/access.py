"""Who may do what: roles, actions and one table of rules.

A person has grants. A grant gives one role, in one tenant or in the installation. A grant of the installation covers each
tenant too. Roles add up. docs/access.md shows the table; a test compares the two.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

import msgspec


class Role(StrEnum):
    """A role that a grant gives. The first is of the installation, the others are of tenants."""

    OPERATOR = "operator"
    """Runs the installation. Sees numbers of each tenant, and never the content of a directory."""
    ADMIN = "admin"
    """Is responsible for a tenant: schedules, people, retention."""
    KEYS = "keys"
    """Brings, changes and checks a tenant's KMS key."""
    RESTORER = "restorer"
    """Searches backups, plans restores and runs them."""
    VIEWER = "viewer"
    """Reads the content of backups."""
    AUDITOR = "auditor"
    """Reads and verifies the audit trail."""


TENANT_ROLES = tuple(role for role in Role if role is not Role.OPERATOR)
"""The roles that may be granted in one tenant."""


class Action(StrEnum):
    """Something that a route does, and a role may do. Values are added, never reused."""

    PUBLIC = "public"
    """Open to everybody: sign-in, set-up, an invitation, static files, health."""
    SELF_SEE = "self.see"
    """See one's own account."""
    SELF_CHANGE = "self.change"
    """Change one's own account: end sign-ins, add a passkey, replace codes."""
    FLEET_SEE = "fleet.see"
    FLOWER_LINK = "flower.link"
    INSTALLATION_PEOPLE = "installation.people"
    INSTALLATION_SIGN_INS = "installation.sign-ins"
    TENANT_ADD = "tenant.add"
    KEY_ALLOW = "key.allow"
    TENANT_REMOVE = "tenant.remove"
    TENANT_SHRED = "tenant.shred"
    TENANT_SEE = "tenant.see"
    """Overview, snapshots, completeness, jobs, schedule, key state, and the policy for the key."""
    CONTENT_READ = "content.read"
    """Browse, search, history and compare."""
    CONTENT_TAKE = "content.take"
    """Download."""
    BACKUP_ASK = "backup.ask"
    VERIFY_ASK = "verify.ask"
    JOB_CANCEL = "job.cancel"
    JOB_RETRY = "job.retry"
    SCHEDULE_SET = "schedule.set"
    CONNECTION_CHECK = "connection.check"
    """Check what Graph lets the tenant's applications do."""
    CONNECTION_SET = "connection.set"
    RETENTION_SET = "retention.set"
    HOLD_SET = "hold.set"
    KEY_CHECK = "key.check"
    KEY_ENABLE = "key.enable"
    KEY_UPDATE = "key.update"
    KEY_TERMS = "key.terms"
    PLAN_MAKE = "plan.make"
    RESTORE_RUN = "restore.run"
    RESTORE_UNDO = "restore.undo"
    PLAN_APPROVE = "plan.approve"
    """Approve another person's plan."""
    AUDIT_SEE = "audit.see"
    AUDIT_VERIFY = "audit.verify"
    AUDIT_EXPORT = "audit.export"
    PEOPLE_GRANT = "people.grant"
    """Invite people into a tenant, and grant or take its roles."""
    APPROVAL_RULES = "approval.rules"
    NOTICES_SET = "notices.set"
    TOKEN_MAKE = "token.make"  # noqa: S105 - an action, not a secret


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """Who may do an action, and under which conditions."""

    roles: frozenset[Role]
    """The roles that may do it. Empty for actions that need no role."""
    confirm: bool = False
    """True if the person must have confirmed in the last minutes."""
    second: bool = False
    """True if a second person must approve it, always or where the tenant's rules demand it."""
    token: bool = True
    """True if a token may carry it."""
    installation_only: frozenset[Role] = frozenset()
    """Roles that may do it for the installation alone, and not for its tenants."""


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """One role of one person."""

    role: Role
    tenant_id: str | None
    """The tenant, or None for the installation, which covers each tenant."""
    until: datetime | None = None
    """When the grant ends by itself, or None if it does not."""


_OPERATOR = frozenset({Role.OPERATOR})
_ADMIN = frozenset({Role.ADMIN})
_KEYS = frozenset({Role.KEYS})
_RESTORER = frozenset({Role.RESTORER})
_RUNNING = _OPERATOR | _ADMIN | _RESTORER
_AUDITING = frozenset({Role.OPERATOR, Role.ADMIN, Role.AUDITOR})

RULES: Mapping[Action, Rule] = MappingProxyType(
    {
        Action.PUBLIC: Rule(roles=frozenset(), token=False),
        Action.SELF_SEE: Rule(roles=frozenset(), token=False),
        Action.SELF_CHANGE: Rule(roles=frozenset(), confirm=True, token=False),
        Action.FLEET_SEE: Rule(roles=_OPERATOR),
        Action.FLOWER_LINK: Rule(roles=_OPERATOR, token=False),
        Action.INSTALLATION_PEOPLE: Rule(roles=_OPERATOR, confirm=True, token=False),
        Action.INSTALLATION_SIGN_INS: Rule(roles=_OPERATOR, confirm=True, token=False),
        Action.TENANT_ADD: Rule(roles=_OPERATOR, confirm=True),
        Action.KEY_ALLOW: Rule(roles=_OPERATOR, confirm=True),
        Action.TENANT_REMOVE: Rule(roles=_OPERATOR | _ADMIN, confirm=True, second=True, token=False),
        Action.TENANT_SHRED: Rule(roles=_OPERATOR | _ADMIN, confirm=True, second=True, token=False),
        Action.TENANT_SEE: Rule(roles=frozenset(Role)),
        Action.CONTENT_READ: Rule(roles=_RESTORER | {Role.VIEWER}),
        Action.CONTENT_TAKE: Rule(roles=_RESTORER, confirm=True),
        Action.BACKUP_ASK: Rule(roles=_RUNNING),
        Action.VERIFY_ASK: Rule(roles=_RUNNING),
        Action.JOB_CANCEL: Rule(roles=_RUNNING),
        Action.JOB_RETRY: Rule(roles=_RUNNING),
        Action.SCHEDULE_SET: Rule(roles=_OPERATOR | _ADMIN),
        Action.CONNECTION_CHECK: Rule(roles=_RUNNING),
        Action.CONNECTION_SET: Rule(roles=_OPERATOR | _ADMIN, confirm=True),
        Action.RETENTION_SET: Rule(roles=_ADMIN, confirm=True, second=True),
        Action.HOLD_SET: Rule(roles=_ADMIN, confirm=True, second=True),
        Action.KEY_CHECK: Rule(roles=_OPERATOR | _ADMIN | _KEYS),
        Action.KEY_ENABLE: Rule(roles=_KEYS, confirm=True, token=False),
        Action.KEY_UPDATE: Rule(roles=_KEYS, confirm=True, token=False),
        Action.KEY_TERMS: Rule(roles=_KEYS, confirm=True, token=False),
        Action.PLAN_MAKE: Rule(roles=_RESTORER),
        Action.RESTORE_RUN: Rule(roles=_RESTORER, confirm=True, second=True),
        Action.RESTORE_UNDO: Rule(roles=_RESTORER, confirm=True, second=True),
        Action.PLAN_APPROVE: Rule(roles=_ADMIN | _RESTORER, confirm=True, token=False),
        Action.AUDIT_SEE: Rule(roles=_AUDITING),
        Action.AUDIT_VERIFY: Rule(roles=_AUDITING),
        Action.AUDIT_EXPORT: Rule(roles=_AUDITING),
        Action.PEOPLE_GRANT: Rule(roles=_ADMIN, confirm=True, second=True, token=False),
        Action.APPROVAL_RULES: Rule(roles=_ADMIN, confirm=True, second=True, token=False),
        Action.NOTICES_SET: Rule(roles=_OPERATOR | _ADMIN, confirm=True, installation_only=_OPERATOR),
        Action.TOKEN_MAKE: Rule(roles=frozenset(Role), confirm=True, token=False),
    }
)
"""The one table of roles and actions."""

OF_THE_INSTALLATION = frozenset({Action.FLEET_SEE, Action.TENANT_ADD, Action.KEY_ALLOW})
"""Actions that a token of a tenant cannot carry, because no tenant is their place."""

_NEED_NO_ROLE = frozenset({Action.PUBLIC, Action.SELF_SEE, Action.SELF_CHANGE})


def may(action: Action, grants: Iterable[Grant], tenant_id: str | None, now: datetime) -> bool:
    """Return True if the grants allow the action in the tenant, or for ``tenant_id`` None in the installation.

    Actions on one's own account need no role. Whoever calls this checks that somebody has signed in.
    """
    if action in _NEED_NO_ROLE:
        return True
    rule = RULES[action]
    roles = roles_in(grants, tenant_id, now)
    return bool(roles & (rule.roles if tenant_id is None else rule.roles - rule.installation_only))


def roles_in(grants: Iterable[Grant], tenant_id: str | None, now: datetime) -> frozenset[Role]:
    """Return the roles that count in the tenant, or for ``tenant_id`` None in the installation."""
    return frozenset(
        grant.role
        for grant in grants
        if grant.tenant_id in (None, tenant_id) and (grant.until is None or now < grant.until)
    )


def needs_confirmation(action: Action) -> bool:
    """Return True if the person must have confirmed in the last minutes."""
    return RULES[action].confirm


def may_grant(role: Role, grants: Collection[Grant], tenant_id: str | None, now: datetime) -> bool:
    """Return True if a person with these grants may grant or take ``role`` in the tenant, or in the installation.

    An operator makes operators, and cannot give a role that shows content. Only an admin of the installation, which
    covers each tenant, may give a tenant's role for the installation.
    """
    if role is Role.OPERATOR:
        return tenant_id is None and may(Action.INSTALLATION_PEOPLE, grants, None, now)
    return may(Action.PEOPLE_GRANT, grants, tenant_id, now)


def token_actions(grants: Collection[Grant], tenant_id: str | None, now: datetime) -> frozenset[Action]:
    """Return the actions that a person with these grants may give to a token for the tenant, or for the installation."""
    return frozenset(action for action in CARRIED if may(action, grants, tenant_id, now))


CARRIED = frozenset(action for action, rule in RULES.items() if rule.token)
"""The actions that a token may carry at all."""
