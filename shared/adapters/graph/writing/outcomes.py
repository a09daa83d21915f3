"""The table of what Graph's answers to writes mean.

Graph has no code of its own for most refusals of a write, so rows match its message too. No other module does. Each row has
a test with the answer that it is about. (Microsoft Graph error responses; the reference page of each write.)
"""

import re

import msgspec

from shared.adapters.graph.errors import safe_word
from shared.ports.directory import Outcome

_PROPERTY = re.compile(r"[A-Za-z0-9_.@-]{1,200}")
_POLICY_NUMBER = re.compile(r"(?<![\w-])1\d{3}(?![\w-])")
_CONDITIONAL_ACCESS = "/identity/conditionalAccess/"


class _Row(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the table. It matches an answer that fits each of its parts that are not empty."""

    outcome: Outcome
    status: tuple[int, ...] = ()
    code: str = ""
    """A regular expression of the whole code, in lower case."""
    text: str = ""
    """A regular expression to search in the message. Its group ``property``, if any, names the property."""
    detail: str = ""
    """A regular expression of the code of one of the details, whose target names the property."""
    property: str = ""
    """The property that the answer is about, if it always is the same one."""


_ROWS = (
    # Nobody may write so
    _Row(outcome=Outcome.QUOTA, status=(400, 403), code="directory_(object)?quotaexceeded"),
    _Row(outcome=Outcome.UNLICENSED, code="aadpremiumlicenserequired"),
    _Row(outcome=Outcome.UNLICENSED, code="authentication_requestfromnonpremiumtenantorb2ctenant"),
    _Row(outcome=Outcome.UNLICENSED, status=(400,), text="does not have any available licenses"),
    _Row(outcome=Outcome.REFUSED, status=(403,), text="^Guests users are not allowed to join"),
    # It is so already
    _Row(outcome=Outcome.ALREADY, status=(400,), text="added object references already exist"),
    _Row(outcome=Outcome.ALREADY, status=(400,), text="already exists on the object"),
    _Row(outcome=Outcome.ALREADY, status=(400,), text="^EntitlementGrant entry already exists"),
    _Row(outcome=Outcome.ALREADY, status=(400, 409), text="^Permission entry already exists"),
    _Row(outcome=Outcome.ALREADY, status=(400, 409), text="^A conflicting object with one or more"),
    _Row(outcome=Outcome.ALREADY, status=(400,), text="already onboarded"),
    _Row(outcome=Outcome.ALREADY, status=(400, 409), code="roleassignmentexists"),
    _Row(outcome=Outcome.ALREADY, status=(409,), code="request_multipleobjectswithsamekeyvalue"),
    # Another object has the value
    _Row(
        outcome=Outcome.TAKEN,
        status=(400, 409),
        text=r"^Another object with the same value for property (?P<property>\w+) already exists",
    ),
    _Row(outcome=Outcome.TAKEN, status=(400, 409), detail="objectconflict|conflictingobjects"),
    # Graph does not know it yet
    _Row(outcome=Outcome.NOT_YET, status=(400,), text="^Not a valid reference update"),
    _Row(outcome=Outcome.NOT_YET, status=(400,), text="does not reference a valid application object"),
    _Row(outcome=Outcome.NOT_YET, status=(400,), text="^Permission being assigned was not found on application"),
    _Row(outcome=Outcome.NOT_YET, status=(400,), text="^One or more property values specified are invalid"),
    _Row(outcome=Outcome.NOT_YET, status=(400,), text="user with invalid usage location"),
    _Row(outcome=Outcome.NOT_YET, status=(403,), text="must (be )?in the local tenant"),
    _Row(outcome=Outcome.NOT_YET, status=(400,), code="invaliddeleteresourcehasentitlements"),
    _Row(outcome=Outcome.NOT_YET, status=(409,), code="conflict"),
    # It does not exist
    _Row(outcome=Outcome.MISSING, status=(400,), text="removed object references do not exist"),
    _Row(outcome=Outcome.MISSING, status=(400, 404), code="roleassignmentdoesnotexist"),
    _Row(outcome=Outcome.MISSING, status=(400,), code="1040"),
    _Row(outcome=Outcome.MISSING, status=(400,), text="^NamedLocation with id .* does not exist"),
    _Row(outcome=Outcome.MISSING, status=(404,)),
    # Graph refuses one property
    _Row(outcome=Outcome.PROPERTY_REFUSED, status=(400,), text=r"Property '(?P<property>[^']+)' is read-only"),
    _Row(
        outcome=Outcome.PROPERTY_REFUSED,
        status=(400,),
        text=r"^Invalid value specified for property '(?P<property>[^']+)' of resource",
    ),
    _Row(
        outcome=Outcome.PROPERTY_REFUSED,
        status=(400,),
        text=r"(named|property|Property) '(?P<property>[^']+)' (on type|does not exist on type|is not declared on)",
    ),
    _Row(
        outcome=Outcome.PROPERTY_REFUSED, status=(400,), code="hostnamenotonverifieddomain", property="identifierUris"
    ),
    _Row(outcome=Outcome.PROPERTY_REFUSED, status=(400,), code="invalidvalue|duplicatevalue", detail=".*"),
    _Row(
        outcome=Outcome.PROPERTY_REFUSED,
        status=(400,),
        text="^The domain portion of the userPrincipalName property is invalid",
        property="userPrincipalName",
    ),
    _Row(
        outcome=Outcome.PROPERTY_REFUSED,
        status=(400,),
        text="^Update to existing credential with KeyId",
        property="keyCredentials",
    ),
    # The application may not
    _Row(outcome=Outcome.FORBIDDEN, status=(401, 403)),
)
"""The rows; the first one that matches counts. Every other refusal is ``REFUSED``."""


class Meaning(msgspec.Struct, frozen=True):
    """The meaning of an answer."""

    outcome: Outcome
    code: str = ""
    message: str = ""
    property: str = ""


class _Detail(msgspec.Struct):
    """One of the details of an error."""

    code: str | None = None
    target: str | None = None


class _Error(msgspec.Struct):
    """The error in the body of a refusal."""

    code: str | None = None
    message: str | None = None
    target: str | None = None
    details: list[_Detail] | None = None
    inner: msgspec.Raw = msgspec.field(default=msgspec.Raw(b""), name="innerError")


class _Body(msgspec.Struct):
    """The body of a refusal."""

    error: _Error


def meaning(status: int, body: bytes, path: str) -> Meaning:
    """Return what an answer with this status means to a write to ``path``."""
    if 200 <= status < 300:
        return Meaning(Outcome.DONE)
    if not 400 <= status < 500 or status == 408:
        return Meaning(Outcome.LOST)
    try:
        error = msgspec.json.decode(body, type=_Body).error
    except ValueError:
        # Something between us and Graph answered, or kiota kept the body of a claims challenge to itself.
        return Meaning(Outcome.FORBIDDEN if status == 401 else Outcome.LOST)
    code, message = safe_word(error.code or ""), error.message or ""
    if path.startswith(_CONDITIONAL_ACCESS):
        number = _POLICY_NUMBER.search(message) or _POLICY_NUMBER.search(bytes(error.inner).decode("utf-8", "replace"))
        code = number[0] if number else code
    for row in _ROWS:
        name = _property(row, status, code, message, error)
        if name is not None:
            return Meaning(row.outcome, code, message, name)
    return Meaning(Outcome.REFUSED, code, message)


def _property(row: _Row, status: int, code: str, message: str, error: _Error) -> str | None:
    """Return the property that the answer names, or an empty text if it names none.

    Return None if the row does not match.
    """
    if row.status and status not in row.status:
        return None
    if row.code and not re.fullmatch(row.code, code.lower()):
        return None
    name = row.property
    if row.text:
        match = re.search(row.text, message)
        if match is None:
            return None
        name = match.groupdict().get("property") or name
    if row.detail:
        details = [*(error.details or []), _Detail(error.code, error.target)]
        targets = [
            each.target for each in details if each.target and re.fullmatch(row.detail, (each.code or "").lower())
        ]
        if not targets:
            return None
        name = targets[0]
    return name if _PROPERTY.fullmatch(name) else ""
