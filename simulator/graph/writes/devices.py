"""The rules of devices (Graph: "Update device"). An application cannot register a device."""

from simulator.graph.answers import Refused
from simulator.graph.writes.rules import Change, Rules

_READ_ONLY = """
deviceId approximateLastSignInDateTime registrationDateTime onPremisesSyncEnabled onPremisesLastSyncDateTime
onPremisesSecurityIdentifier complianceExpirationDateTime isRooted managementType enrollmentType deletedDateTime
"""


def _refuse_creation(change: Change) -> None:
    if change.creates:
        raise Refused(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")


RULES = Rules(read_only=frozenset(_READ_ONLY.split()), checks=(_refuse_creation,))
