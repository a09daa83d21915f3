"""Conditional Access: policies are created in report-only state, and never enforced where everybody could be locked out."""

from shared.domain.json_text import members
from shared.domain.restore.bodies import encoded, part, text_at, texts_at, without_nulls
from shared.domain.restore.changes import Change
from shared.domain.restore.directory import Trait
from shared.domain.restore.draft import Draft
from shared.domain.restore.operations import Hindrance
from shared.domain.restore.scope import LinkRule

RESOURCE = "conditionalAccessPolicies"
_MEMBERS = "groups.members"
_ENABLED, _REPORT_ONLY = "enabled", b'"enabledForReportingButNotEnforced"'
_EXCLUDED_USERS, _EXCLUDED_GROUPS = "conditions.users.excludeUsers", "conditions.users.excludeGroups"
_CHECK = (
    "An earlier restore has created it in report-only state. Check it, then enable it, or plan with --enable-policies."
)
_LOCK_OUT = "It would apply to all users, and none of the accounts that it excludes would remain to undo it."


def values_to_create(draft: Draft, wanted: bytes, values: dict[str, bytes]) -> tuple[dict[str, bytes], list[str]]:
    """Return the values of a new policy, and notes about it for the user."""
    values = without_null_conditions(values)
    if text_at(wanted, "state") == _ENABLED and not draft.request.rules.enable_policies:
        values["state"] = _REPORT_ONLY
        return values, ["It was enabled. It comes back in report-only state: check it, then enable it."]
    return values, []


def without_null_conditions(values: dict[str, bytes]) -> dict[str, bytes]:
    """Return a policy's values without the null objects of its conditions, which Graph refuses."""
    return {name: without_nulls(value) if name == "conditions" else value for name, value in values.items()}


def creation_refusal(draft: Draft, wanted: bytes) -> str | None:
    """Return why a policy is not created, or None."""
    enforced = draft.request.rules.enable_policies and text_at(wanted, "state") == _ENABLED
    if enforced and _applies_to_all(wanted) and not _excludes_somebody(draft, wanted):
        return f"{_LOCK_OUT} Without --enable-policies it is created in report-only state."
    return None


def values_to_change(draft: Draft, change: Change, values: dict[str, bytes]) -> dict[str, bytes]:
    """Return the values with which to patch a policy; none if the change could lock everybody out."""
    if _is_to_be_checked(draft, change, values):
        draft.refuse(change.resource, change.key, Hindrance.CHOICE, _CHECK, name=change.name, properties=("state",))
        values = {name: value for name, value in values.items() if name != "state"}
    if not values:
        return values
    inner = members(change.live) or {}
    result = encoded({**inner, **values})
    if _newly_locks_out(draft, change.live, result):
        reason = f"{_LOCK_OUT} Exclude an emergency account, and plan again."
        draft.refuse(change.resource, change.key, Hindrance.CHOICE, reason, name=change.name, properties=values)
        return {}
    return without_null_conditions(values)


def _is_to_be_checked(draft: Draft, change: Change, values: dict[str, bytes]) -> bool:
    """Return True if a restore has created a policy in report-only state, and nobody has asked to enable it."""
    restored = change.object_id in {each.lower() for each in draft.world.ids.earlier().values()}
    enabling = values.get("state") == b'"enabled"' and not draft.request.rules.enable_policies
    return restored and enabling and part(change.live, "state") == _REPORT_ONLY


def _newly_locks_out(draft: Draft, live: bytes, result: bytes) -> bool:
    """Return True if the change enforces a policy for everybody without an exclusion.

    Return False if the policy is enforced already, and as strictly.
    """
    if text_at(result, "state") != _ENABLED or not _applies_to_all(result) or _excludes_somebody(draft, result):
        return False
    blocks = "block" in texts_at(result, "grantControls.builtInControls")
    same = text_at(live, "state") == _ENABLED and _applies_to_all(live) and not _excludes_somebody(draft, live)
    return not same or (blocks and "block" not in texts_at(live, "grantControls.builtInControls"))


def _applies_to_all(policy: bytes) -> bool:
    return "All" in texts_at(policy, "conditions.users.includeUsers")


def _excludes_somebody(draft: Draft, policy: bytes) -> bool:
    """Return True if an account that can sign in is excluded, by itself or by its group."""
    users = [each.lower() for each in texts_at(policy, _EXCLUDED_USERS)]
    if any(_can_sign_in(draft, each) for each in users):
        return True
    groups = {each.lower() for each in texts_at(policy, _EXCLUDED_GROUPS)}
    return any(_has_members(draft, each) for each in groups)


def _has_members(draft: Draft, group: str) -> bool:
    """Return True if a group certainly has a member after the restore."""
    if group in draft.gaining:
        return True
    living = {key for key, _ in draft.world.live.records(_MEMBERS, {group})}
    if living and draft.request.rules.rule_for(_MEMBERS) is LinkRule.EXACT:
        living &= {key for key, _ in draft.world.snapshot.records(_MEMBERS, {group})}
    return bool(living)


def _can_sign_in(draft: Draft, user: str) -> bool:
    """Return True if a user exists or is restored, and is enabled."""
    entry = draft.directory.live.get(user)
    if entry is not None:
        return not entry.traits & Trait.DISABLED
    return user in draft.coming and part(draft.coming[user].wanted, "accountEnabled") != b"false"
