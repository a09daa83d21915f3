"""Each answer of Graph and of the sign-in service determines one action."""

import base64

import pytest

from shared.adapters.graph.errors import NotFound, Throttled, TokenRefused, code_of, meaning, safe_word, seconds_of
from shared.adapters.graph.sign_in import Refusal, claims_of, refusal
from shared.domain.errors import Answer, EntrakeepError, GraphTrouble, Refuse, Skip, StartOver


@pytest.mark.parametrize(
    ("status", "code", "resuming", "kind", "answer"),
    [
        (429, "TooManyRequests", False, Throttled, None),
        (429, "", True, Throttled, None),
        (500, "InternalServerError", False, GraphTrouble, None),
        (502, "", True, GraphTrouble, None),
        (503, "serviceNotAvailable", False, GraphTrouble, None),
        (504, "GatewayTimeout", True, GraphTrouble, None),
        (410, "resyncRequired", True, StartOver, None),
        (410, "SyncStateNotFound", True, StartOver, None),
        (410, "resyncRequired", False, GraphTrouble, None),
        (400, "Directory_ExpiredPageToken", True, StartOver, None),
        (404, "Request_ResourceNotFound", True, StartOver, None),
        (401, "InvalidAuthenticationToken", False, TokenRefused, Answer.FAILED),
        (403, "Authorization_RequestDenied", False, Skip, Answer.FORBIDDEN),
        (403, "AccessDenied", False, Skip, Answer.FORBIDDEN),
        (403, "UnknownError", True, Skip, Answer.FORBIDDEN),
        (403, "Authentication_RequestFromNonPremiumTenantOrB2CTenant", False, Skip, Answer.UNLICENSED),
        (400, "AadPremiumLicenseRequired", False, Skip, Answer.UNLICENSED),
        (400, "BadRequest", False, Skip, Answer.FAILED),
        (404, "Request_ResourceNotFound", False, NotFound, Answer.UNAVAILABLE),
        (405, "Request_BadRequest", False, Skip, Answer.UNAVAILABLE),
        (501, "NotImplemented", False, Skip, Answer.UNAVAILABLE),
        (404, "UnknownError", False, Skip, Answer.UNAVAILABLE),
        (404, "", False, Skip, Answer.UNAVAILABLE),
        *(
            (status, "", False, GraphTrouble, None)
            for status in (204, 302, 307, 407, 408, 420, 425, 460, 499, 505, 507)
        ),
        *((status, "", True, GraphTrouble, None) for status in (509, 511, 520, 529, 530, 598, 999)),
        *((status, "", False, Skip, Answer.FAILED) for status in (402, 406, 409, 413, 414, 415, 422, 451)),
    ],
)
def test_status_and_code_determine_the_error(
    status: int, code: str, resuming: bool, kind: type[EntrakeepError], answer: Answer | None
) -> None:
    error = meaning(status, code, resuming=resuming, after=2.5, request_id="r-1")
    assert type(error) is kind
    assert f"status {status}" in error.message
    assert "r-1" in error.message
    if isinstance(error, Skip):
        assert (error.answer, error.request_id) == (answer, "r-1")
    if isinstance(error, StartOver):
        assert error.request_id == "r-1"
    if isinstance(error, GraphTrouble):
        assert (error.after, error.request_id) == (2.5, "r-1")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 407, 511])
def test_an_answer_that_only_a_proxy_gives_names_the_proxy(status: int) -> None:
    graph = meaning(status, "", resuming=True)
    for error in (graph, refusal(status, Refusal(), 3.0)):
        assert isinstance(error, GraphTrouble)
        assert "HTTPS_PROXY" in error.message
        assert f"status {status}" in error.message


def test_a_captive_portal_page_is_no_token() -> None:
    assert "HTTPS_PROXY" in refusal(200, Refusal(), None).message


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"error":{"code":"Request_BadRequest","message":"Secret name"}}', "Request_BadRequest"),
        (b'{"error":{"code":"","message":"m"}}', ""),
        (b'{"error":{"code":"Name of Somebody"}}', ""),
        (b'{"error":{"code":"x\\ud800"}}', ""),
        (b'{"error":"x"}', ""),
        (b"<html>", ""),
        (b"", ""),
    ],
)
def test_a_code_is_used_only_if_it_has_the_form_of_one(body: bytes, code: str) -> None:
    assert code_of(body) == code


def test_no_foreign_text_reaches_an_error() -> None:
    assert safe_word("8493e93c-cd2e-4e1f-b88c-743b35dbed73") == "8493e93c-cd2e-4e1f-b88c-743b35dbed73"
    assert safe_word("x y") == safe_word("a" * 81) == safe_word("") == ""


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("2.128", 2.128),
        ("10", 10.0),
        ("0", 0.0),
        (None, None),
        ("", None),
        ("-1", None),
        ("nan", None),
        ("inf", None),
        ("soon", None),
    ],
)
def test_retry_after_may_be_a_fraction_or_missing(header: str | None, seconds: float | None) -> None:
    assert seconds_of(header) == seconds


@pytest.mark.parametrize(
    ("status", "error", "number", "kind"),
    [
        (401, "invalid_client", 7000215, Refuse),
        (401, "invalid_client", 7000222, Refuse),
        (400, "unauthorized_client", 700016, Refuse),
        (400, "invalid_request", 90002, Refuse),
        (400, "access_denied", 53003, Refuse),
        (400, "invalid_grant", 50196, GraphTrouble),
        (400, "temporarily_unavailable", 0, GraphTrouble),
        (429, "", 0, GraphTrouble),
        (503, "", 0, GraphTrouble),
        (200, "", 0, GraphTrouble),
        (0, "", 0, GraphTrouble),
    ],
)
def test_a_sign_in_without_a_token_is_refused_or_in_trouble(
    status: int, error: str, number: int, kind: type[EntrakeepError]
) -> None:
    result = refusal(status, Refusal(error, [number] if number else []), 3.0)
    assert type(result) is kind
    assert not number or f"AADSTS{number}" in result.message
    if isinstance(result, GraphTrouble):
        assert result.after == 3.0


CLAIMS = '{"access_token":{"nbf":{"essential":true, "value":"1604106651"}}}'
ENCODED = base64.b64encode(CLAIMS.encode()).decode()


@pytest.mark.parametrize(
    ("header", "claims"),
    [
        (f'Bearer realm="", error="insufficient_claims", claims="{ENCODED}"', CLAIMS),
        (f'PoP realm="", nonce="n", Bearer realm="", claims="{ENCODED.rstrip("=")}"', CLAIMS),
        ('Bearer realm="", error="invalid_token"', None),
        ('Bearer claims="%%%"', None),
        ('Bearer claims="/w=="', None),
        ('Bearer claims="', None),
        ("", None),
    ],
)
def test_claims_are_read_after_other_challenges(header: str, claims: str | None) -> None:
    assert claims_of(header) == claims
