"""Properties with a call of their own: licences, and others whose new value is all that the call takes."""

from shared.domain.json_text import canonical, elements, members, string
from shared.domain.naming import own_name
from shared.domain.resources.restoring import OwnCall
from shared.domain.restore.bodies import encoded, is_blank, list_of, part, text_at
from shared.domain.restore.changes import Change
from shared.domain.restore.draft import Draft, path_of, restoring_of
from shared.domain.restore.operations import Action, Hindrance
from shared.domain.restore.stages import Stage, later_than

_LICENCES = "assignedLicenses"
_LICENCE_STATES = "licenseAssignmentStates"
_EMPTY_LIST = b"[]"


def add_calls(draft: Draft, change: Change, values: dict[str, bytes], *, created: bool = False) -> dict[str, bytes]:
    """Add the calls that write some of these values. Return the other values."""
    restoring = restoring_of(change.resource)
    at_creation = {*restoring.required, *restoring.create_only} if created else set[str]()
    kept = dict(values)
    for call in restoring.calls:
        if call.property in values and call.property not in at_creation:
            del kept[call.property]
            if call.property == _LICENCES:
                _add_licences(draft, change, call, values)
            elif call.each:
                _add_elements(draft, change, call, values[call.property])
            else:
                _add(draft, change, call, restoring.stage, encoded({call.property: values[call.property]}))
    return kept


def _add_elements(draft: Draft, change: Change, call: OwnCall, value: bytes) -> None:
    """Add the calls that post the elements which the object lacks, then those that delete the others."""
    stage = later_than(restoring_of(change.resource).stage)
    live = elements(part(change.live, call.property) or _EMPTY_LIST) or []
    wanted = [_without_id(each) for each in elements(value) or []]
    existing = {canonical(_without_id(each)) for each in live}
    for each in wanted:
        if canonical(each) not in existing:
            _add(draft, change, call, stage, each)
    for each in live:
        element = text_at(each, "id")
        if element is not None and canonical(_without_id(each)) not in set(map(canonical, wanted)):
            removal = OwnCall(property=call.property, path=f"{call.path}/{element}", method="DELETE")
            _add(draft, change, removal, stage, None)


def _without_id(element: bytes) -> bytes:
    """Return an element without its id, which Graph chooses."""
    return encoded({name: value for name, value in (members(element) or {}).items() if name != "id"})


def _add(draft: Draft, change: Change, call: OwnCall, stage: int, body: bytes | None) -> None:
    draft.operate(
        change.resource,
        change.key,
        Action.CALL,
        stage=stage,
        reason=f"Its {call.property} differ.",
        method=call.method,
        path=path_of(call.path, change.key),
        name=own_name(change.wanted),
        body=body,
        properties=(call.property,),
        needs=(call.permission,),
        names=(change.object_id,),
        before=None if change.is_fresh else change.live,
    )


def _add_licences(draft: Draft, change: Change, call: OwnCall, values: dict[str, bytes]) -> None:
    """Add the call that assigns and removes direct licences.

    Refuse to assign a licence without a free seat, or any to a user without a usage location.
    """
    wanted, live = direct_licences(change.wanted), direct_licences(change.live)
    present = set(live) | set(_skus(part(change.live, _LICENCES)))
    add = {sku: plans for sku, plans in wanted.items() if live.get(sku) != plans}
    remove = [sku for sku in live if sku not in wanted]
    if change.resource == "users" and add and not _has_location(change, values):
        _refuse(draft, change, "A licence needs a usage location: set usageLocation, and plan again.")
        add = {}
    for sku in [each for each in add if each not in present]:
        if not _takes_seat(draft, sku):
            _refuse(draft, change, f"The licence {sku} has no free seat. Buy or free one, and plan again.")
            del add[sku]
    if add or remove:
        stage = Stage.GROUP_LICENCES if change.resource == "groups" else Stage.LICENCES
        body = {
            "addLicenses": list_of(
                encoded({"disabledPlans": list_of(b'"%b"' % each.encode() for each in plans), "skuId": _quoted(sku)})
                for sku, plans in add.items()
            ),
            "removeLicenses": list_of(map(_quoted, remove)),
        }
        _add(draft, change, call, stage, encoded(body))


def direct_licences(value: bytes) -> dict[str, tuple[str, ...]]:
    """Return the disabled plans of each licence that an object has by itself, not through a group, by ``skuId``.

    A licence of which no state says where it comes from counts as direct.
    """
    inner = members(value) or {}
    states = elements(inner.get(_LICENCE_STATES, _EMPTY_LIST)) or []
    inherited = {text_at(row, "skuId") for row in states if not is_blank(part(row, "assignedByGroup"))}
    listed = [
        row for row in elements(inner.get(_LICENCES, _EMPTY_LIST)) or [] if text_at(row, "skuId") not in inherited
    ]
    licences: dict[str, tuple[str, ...]] = {}
    for row in (*listed, *(row for row in states if is_blank(part(row, "assignedByGroup")))):
        sku = text_at(row, "skuId")
        if sku is not None:
            plans = elements(part(row, "disabledPlans") or _EMPTY_LIST) or []
            licences[sku.lower()] = tuple(sorted(text.lower() for plan in plans if (text := string(plan)) is not None))
    return licences


def _skus(value: bytes | None) -> list[str]:
    rows = (elements(value) if value is not None else None) or []
    return [sku.lower() for row in rows if (sku := text_at(row, "skuId")) is not None]


def _has_location(change: Change, values: dict[str, bytes]) -> bool:
    location = values.get("usageLocation") or part(change.live, "usageLocation")
    return not is_blank(location)


def _takes_seat(draft: Draft, sku: str) -> bool:
    """Take a free seat of a licence. Return False if there is none."""
    if draft.seats is None:
        return True
    free = draft.seats.get(sku, 0)
    draft.seats[sku] = free - 1
    return free > 0


def _refuse(draft: Draft, change: Change, reason: str) -> None:
    name = own_name(change.wanted)
    draft.refuse(change.resource, change.key, Hindrance.IMPOSSIBLE, reason, name=name, properties=(_LICENCES,))


def _quoted(text: str) -> bytes:
    return b'"%b"' % text.encode()
