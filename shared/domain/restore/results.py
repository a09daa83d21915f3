"""The report of a restore: what became of each operation, in the words that a person sees."""

import msgspec

from shared.domain.restore.operations import Action


class ResultDetail(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The part of an operation's result that describes the directory. It is sealed wherever it is stored."""

    resource: str
    key: str
    """The record's key, as the operation has it."""
    name: str | None = None
    action: Action
    reason: str = ""
    """Why it failed, was done only partly, or was not applied, as sentences. Empty if it is simply done."""
    message: str = ""
    """Graph's own message, if Graph refused it."""
    status: int = 0
    """The HTTP status of the last answer; 0 if there was none."""
    properties: tuple[str, ...] = ()
    """The properties that Graph refused or did not apply."""
    values: dict[str, msgspec.Raw] = {}
    """The values that Graph accepted and did not apply, by property."""
    new_id: str | None = None
    """The id of a created object."""
    lasting: bool = False
    """True if another try would end in the same way, so that the next plan lists it and plans nothing."""
    notes: tuple[str, ...] = ()
    """What a person should know, such as a secret that must be renewed."""
