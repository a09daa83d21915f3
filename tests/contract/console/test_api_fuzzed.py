"""The API under random requests that fit its OpenAPI document, and such that do not: no defect, and no other answer."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from console.web.api.openapi import document
from shared.domain.access import CARRIED
from shared.engine.access import tokens
from shared.engine.access.people import Asker
from tests.contract.catalog.world import new_id, run
from tests.contract.console.served import Console, served_console

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
SCHEMA = schemathesis.openapi.from_dict(document())


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    with served_console(tmp_path_factory.mktemp("fuzzed")) as console:
        console.world.backed_up(console.world.add("acme"), run(new_id()))
        yield console


@pytest.fixture(scope="module")
def token(console: Console) -> str:
    now = datetime.now(UTC)
    asker = Asker(actor="ops@host")
    made = tokens.make(console.world.catalog, asker, "fuzz", None, sorted(CARRIED), now + timedelta(days=1), now)
    return made.text


@pytest.fixture(scope="module")
def known(console: Console) -> dict[str, str]:
    """Return the values of the parameters of paths."""
    tenant = console.world.catalog.tenant(console.world.catalog.find("acme").tenant_id)
    return {"name": "acme", "snapshot": "latest", "job": tenant.jobs.recent()[0].job_id}


@SCHEMA.parametrize()
@settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.function_scoped_fixture],
)
def test_no_request_meets_a_defect_or_an_undescribed_answer(
    case: "schemathesis.Case[Any]", console: Console, token: str, known: dict[str, str]
) -> None:
    """Take a tenant, a snapshot and a job that exist: other tests ask for those that do not. Notice targets do not exist."""
    case.path_parameters.update({name: known[name] for name in case.path_parameters if name in known})
    case.call_and_validate(base_url=console.url, headers={"Authorization": f"Bearer {token}"}, checks=CHECKS)
