"""The types of groups, by their properties."""

OF_EXCHANGE = "Cannot Update a mail-enabled security groups and or distribution list."


def _types(group: dict[str, object]) -> list[object]:
    types = group.get("groupTypes")
    return types if isinstance(types, list) else []


def is_unified(group: dict[str, object]) -> bool:
    """Return whether a group is a Microsoft 365 group."""
    return "Unified" in _types(group)


def is_dynamic(group: dict[str, object]) -> bool:
    """Return whether a rule decides who is a member of a group."""
    return "DynamicMembership" in _types(group)


def is_of_exchange(group: dict[str, object]) -> bool:
    """Return whether only Exchange may write a group: a distribution list or a mail-enabled security group."""
    return group.get("mailEnabled") is True and not is_unified(group)
