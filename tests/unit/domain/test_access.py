"""Roles add up, grants end by themselves, an operator never gets content, and a token never more than its maker."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.access import (
    CARRIED,
    RULES,
    TENANT_ROLES,
    Action,
    Grant,
    Role,
    may,
    may_grant,
    needs_confirmation,
    roles_in,
    token_actions,
)

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
TENANTS = ("acme", "other")
PLACES = (None, *TENANTS)
FREE = {Action.PUBLIC, Action.SELF_SEE, Action.SELF_CHANGE}

grants = st.lists(
    st.builds(
        Grant,
        role=st.sampled_from(Role),
        tenant_id=st.sampled_from(PLACES),
        until=st.none() | st.sampled_from([NOW - timedelta(seconds=1), NOW, NOW + timedelta(seconds=1)]),
    ),
    max_size=6,
)


def only(role: Role, tenant_id: str | None = "acme", until: datetime | None = None) -> list[Grant]:
    return [Grant(role=role, tenant_id=tenant_id, until=until)]


COLUMNS = {
    Role.OPERATOR: "fleet.see flower.link installation.people installation.sign-ins tenant.add key.allow tenant.remove "
    "tenant.shred tenant.see backup.ask verify.ask job.cancel job.retry schedule.set connection.set connection.check "
    "key.check audit.see audit.verify audit.export notices.set token.make",
    Role.ADMIN: "tenant.remove tenant.shred tenant.see backup.ask verify.ask job.cancel job.retry schedule.set "
    "connection.set connection.check retention.set hold.set key.check plan.approve audit.see audit.verify audit.export "
    "people.grant approval.rules notices.set token.make",
    Role.KEYS: "tenant.see key.check key.enable key.update key.terms token.make",
    Role.RESTORER: "tenant.see content.read content.take backup.ask verify.ask job.cancel job.retry connection.check "
    "plan.make restore.run restore.undo plan.approve token.make",
    Role.VIEWER: "tenant.see content.read token.make",
    Role.AUDITOR: "tenant.see audit.see audit.verify audit.export token.make",
}


@pytest.mark.parametrize("role", Role)
def test_a_role_may_do_its_column_and_nothing_else(role: Role) -> None:
    allowed = {action for action in Action if may(action, only(role, None), None, NOW)} - FREE
    assert {str(action) for action in allowed} == set(COLUMNS[role].split())


def test_every_action_has_one_rule() -> None:
    assert set(RULES) == set(Action)
    assert {action for action, rule in RULES.items() if not rule.roles} == FREE


def test_actions_with_consequences_need_confirmation() -> None:
    confirmed = "self.change installation.people installation.sign-ins tenant.add key.allow tenant.remove tenant.shred "
    confirmed += "content.take connection.set retention.set hold.set key.enable key.update key.terms restore.run "
    confirmed += "restore.undo plan.approve people.grant approval.rules notices.set token.make"
    assert {str(action) for action in Action if needs_confirmation(action)} == set(confirmed.split())


def test_a_token_never_carries_keys_approvals_people_tokens_or_removal() -> None:
    never = "key.enable key.update key.terms plan.approve approval.rules installation.people installation.sign-ins "
    never += "people.grant token.make tenant.remove tenant.shred self.see self.change public flower.link"
    assert {str(action) for action in set(Action) - CARRIED} == set(never.split())


def test_a_grant_ends_by_itself_at_its_time() -> None:
    lent = only(Role.VIEWER, until=NOW)
    assert may(Action.CONTENT_READ, lent, "acme", NOW - timedelta(microseconds=1))
    assert not may(Action.CONTENT_READ, lent, "acme", NOW)


def test_a_tenants_grant_counts_in_that_tenant_alone() -> None:
    assert may(Action.CONTENT_READ, only(Role.VIEWER), "acme", NOW)
    assert not may(Action.CONTENT_READ, only(Role.VIEWER), "other", NOW)
    assert not may(Action.CONTENT_READ, only(Role.VIEWER), None, NOW)


def test_an_operator_sets_notices_of_the_installation_and_not_of_tenants() -> None:
    assert may(Action.NOTICES_SET, only(Role.OPERATOR, None), None, NOW)
    assert not may(Action.NOTICES_SET, only(Role.OPERATOR, None), "acme", NOW)
    assert may(Action.NOTICES_SET, only(Role.ADMIN), "acme", NOW)


@given(grants, st.sampled_from(Action), st.sampled_from(PLACES))
def test_roles_add_up(given_grants: list[Grant], action: Action, tenant_id: str | None) -> None:
    alone = any(may(action, [grant], tenant_id, NOW) for grant in given_grants) or action in FREE
    assert may(action, given_grants, tenant_id, NOW) is alone


@given(grants, st.sampled_from(Action), st.sampled_from(TENANTS))
def test_a_right_in_the_installation_is_a_right_in_each_tenant(
    given_grants: list[Grant], action: Action, tenant_id: str
) -> None:
    if action is not Action.NOTICES_SET and may(action, given_grants, None, NOW):
        assert may(action, given_grants, tenant_id, NOW)


@given(grants, st.sampled_from(Role), st.sampled_from(PLACES))
def test_nobody_reaches_content_by_granting_as_an_operator(
    given_grants: list[Grant], role: Role, tenant_id: str | None
) -> None:
    operators = [grant for grant in given_grants if grant.role is Role.OPERATOR]
    if may_grant(role, operators, tenant_id, NOW):
        assert role is Role.OPERATOR
        assert tenant_id is None


@given(grants, st.sampled_from(TENANT_ROLES), st.sampled_from(PLACES))
def test_an_admin_grants_a_role_where_the_admins_own_grant_counts(
    given_grants: list[Grant], role: Role, tenant_id: str | None
) -> None:
    is_admin = Role.ADMIN in roles_in(given_grants, tenant_id, NOW)
    assert may_grant(role, given_grants, tenant_id, NOW) is is_admin


@given(grants, st.sampled_from(PLACES))
def test_a_token_gets_at_most_what_its_maker_may_do(given_grants: list[Grant], tenant_id: str | None) -> None:
    actions = token_actions(given_grants, tenant_id, NOW)
    assert actions == {action for action in CARRIED if may(action, given_grants, tenant_id, NOW)}
