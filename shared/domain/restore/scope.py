"""What a restore covers, and what it does about values and links that differ."""

from enum import StrEnum

import msgspec


class ConflictRule(StrEnum):
    """The rule for a property whose live value differs from the snapshot's."""

    OVERWRITE = "overwrite"
    """Write the snapshot's value."""
    FILL_BLANKS = "fill-blanks"
    """Write the snapshot's value only where the live object has none."""
    SKIP = "skip"
    """Leave properties of existing objects unchanged."""


class LinkRule(StrEnum):
    """The rule for links that differ."""

    MERGE = "merge"
    """Add the snapshot's links, and remove none."""
    EXACT = "exact"
    """Add the snapshot's links, and remove those that the snapshot does not have."""
    SKIP = "skip"
    """Leave links unchanged."""


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """The scope of a restore. Empty fields do not narrow it."""

    resources: tuple[str, ...] = ()
    """Only records of these resources."""
    ids: tuple[str, ...] = ()
    """Only objects with these ids, with their links."""
    properties: tuple[str, ...] = ()
    """Only these properties of existing objects: names, or paths separated by dots. Nothing is created."""
    links_only: bool = False
    """Only links between objects that exist."""
    deleted_since: str | None = None
    """Only objects that this snapshot has and the directory has not."""
    changed_since: str | None = None
    """Only records that differ between this snapshot and the directory."""
    delete_newer: tuple[str, ...] = ()
    """Ids of objects to delete because they were created after the snapshot."""


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """The rules by which a restore treats differences."""

    conflict: ConflictRule = ConflictRule.OVERWRITE
    links: LinkRule = LinkRule.MERGE
    links_of: dict[str, LinkRule] = {}
    """The rule for single kinds of links, by resource, instead of ``links``."""
    undelete_only: bool = False
    """True to bring back objects from the recycle bin, and to change and create nothing else."""
    enable_policies: bool = False
    """True to create Conditional Access policies in the state that the snapshot has, not in report-only."""
    stop_on_error: bool = False
    """True to stop at the first operation that fails."""
    drop_taken_addresses: bool = False
    """True to let Graph drop addresses of an undeleted user that another object has (``autoReconcileProxyConflict``)."""
    exchange_principals: bool = False
    """True to delete a bare successor of a service principal so that the deleted one can be undeleted."""
    new_names: dict[str, str] = {}
    """New userPrincipalNames of users whose own is taken, by the user's id."""

    def rule_for(self, resource: str) -> LinkRule:
        """Return the rule for links of this resource."""
        return self.links_of.get(resource, self.links)
