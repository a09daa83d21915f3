"""The table of AWS KMS answers: it is complete, and no row hides another."""

from itertools import product
from string import Formatter

import botocore.exceptions
import botocore.session
import pytest
from botocore.exceptions import BotoCoreError, ClientError

from shared.adapters.kms.answers import DRY_RUN, NONSENSE, meaning
from shared.adapters.kms.refusals import INVALID_STATE
from shared.adapters.kms.row import UNSEEN, Kind, Received, Responsible, Row
from shared.adapters.kms.table import ROWS, row_of
from shared.domain.errors import Alarm, EntrakeepError, KeyRefused, KeyTrouble, Refuse

ARN = "arn:aws:kms:eu-central-1:111122223333:key/0f3e5a3c-7c1e-4a3d-9a44-000000000001"
NETWORK = [
    kind
    for kind in vars(botocore.exceptions).values()
    if isinstance(kind, type)
    and issubclass(kind, (botocore.exceptions.ConnectionError, botocore.exceptions.HTTPClientError))
]
ERRORS: dict[Kind, type[EntrakeepError]] = {
    Kind.REVOKED: KeyRefused,
    Kind.MISCONFIGURED: Refuse,
    Kind.TROUBLE: KeyTrouble,
    Kind.CORRUPT: Alarm,
}

every_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)


def all_received(row: Row) -> list[Received]:
    """Return every answer that a row covers."""
    each = product(row.codes or ("NeverHeardOf",), row.states or ("",), row.words or ("",))
    status = row.least_status or 400
    return [
        Received(names=frozenset({code}), status=status, text=f"because of {words} it", state=state, ours=row.ours)
        for code, state, words in each
    ]


@every_row
def test_a_row_decides_every_answer_that_it_names(row: Row) -> None:
    assert {row_of(received).name for received in all_received(row)} == {row.name}


def test_rows_have_unique_names() -> None:
    assert len({row.name for row in ROWS}) == len(ROWS)


@every_row
def test_a_sentence_names_the_person_who_must_act(row: Row) -> None:
    fields = {name for _, name, _, _ in Formatter().parse(row.sentence) if name}
    assert fields <= {"arn", "code", "action", "state", "before", "data_key"}
    wanted = {Responsible.OWNER: "owner", Responsible.OPERATOR: "operator", Responsible.STORE: "key store"}.get(
        row.responsible
    )
    if row.kind in (Kind.REVOKED, Kind.MISCONFIGURED) and wanted is not None and not row.unknown:
        assert wanted in row.sentence


@pytest.mark.parametrize("operation", ["GenerateDataKey", "Decrypt", "ReEncrypt", "DescribeKey"])
def test_every_documented_error_of_our_operations_has_a_row(operation: str) -> None:
    model = botocore.session.get_session().get_service_model("kms").operation_model(operation)
    codes = {shape.name for shape in model.error_shapes} - {DRY_RUN}
    assert len(codes) > 3
    assert {code for code in codes if row_of(Received(names=frozenset({code}), status=400)).name == "any-4xx"} == set()


@pytest.mark.parametrize("kind", NETWORK, ids=lambda kind: kind.__name__)
def test_a_network_error_is_never_more_than_trouble(kind: type[BotoCoreError]) -> None:
    assert row_of(Received(names=frozenset(each.__name__ for each in kind.__mro__))).kind is Kind.TROUBLE


@pytest.mark.parametrize("kind", NONSENSE, ids=lambda kind: kind.__name__)
def test_a_malformed_answer_is_never_more_than_trouble(kind: type[Exception]) -> None:
    error = meaning(kind("canary"), ARN, "d", lambda: None)
    assert type(error) is KeyTrouble
    assert "canary" not in error.message


@every_row
def test_an_error_has_the_kind_of_its_row(row: Row) -> None:
    for received in all_received(row):
        (code,) = received.names
        response = {
            "Error": {"Code": code, "Message": received.text},
            "ResponseMetadata": {"HTTPStatusCode": received.status},
        }
        state = None if received.state == UNSEEN else {"KeyState": received.state}
        error = meaning(ClientError(response, "Decrypt"), ARN, "d", lambda s=state: s, lambda t=received: t.ours)  # type: ignore[arg-type,misc]
        assert type(error) is ERRORS[row.kind]
        assert (isinstance(error, KeyRefused) and error.ours) == (
            row.kind is Kind.REVOKED and row.responsible is Responsible.OPERATOR
        )


def test_a_server_error_requests_no_key_state() -> None:
    def describe() -> None:
        raise AssertionError("asked")

    response = {"Error": {"Code": INVALID_STATE, "Message": ""}, "ResponseMetadata": {"HTTPStatusCode": 500}}
    assert type(meaning(ClientError(response, "Decrypt"), ARN, "d", describe)) is KeyTrouble  # type: ignore[arg-type]


@pytest.mark.parametrize(("operation", "permission"), [("Decrypt", "kms:Decrypt."), ("ReEncrypt", "kms:ReEncrypt*.")])
def test_a_denial_names_the_missing_permission(operation: str, permission: str) -> None:
    response = {"Error": {"Code": "AccessDeniedException", "Message": ""}}
    error = meaning(ClientError(response, operation), ARN, "d", lambda: None)  # type: ignore[arg-type]
    assert error.message.endswith(permission)
