"""Tokens: taken, kept, renewed, challenged and refused."""

import asyncio
import base64
import ssl

import pytest

from shared.adapters.graph import GraphAccess
from shared.adapters.graph.tokens import Tokens
from shared.domain.errors import Code, KeyRefused, Refuse, StartOver
from shared.domain.model import CredentialKind
from shared.domain.secret import Secret
from shared.ports.directory import Identity
from tests.contract.graph.certificates import certificate
from tests.contract.graph.reading import (
    GROUPS,
    PATIENCE,
    TOKEN,
    USERS,
    Budget,
    Connect,
    read,
)
from tests.contract.graph.simulator import CLIENT_ID, DIRECTORY_ID, SECRET, Simulator


@pytest.mark.parametrize("what", ["drop", "truncate", "garbage", "429", "503"])
async def test_a_sign_in_in_trouble_is_tried_again(simulator: Simulator, connect: Connect, what: str) -> None:
    if what.isdigit():
        simulator.fault("status", TOKEN, status=int(what), headers={"Retry-After": "0.05"}, body="")
    else:
        simulator.fault(what, TOKEN)
    assert await connect().organization_id() == DIRECTORY_ID


@pytest.mark.parametrize(
    "wrong",
    [
        {"secret": "hunter2"},
        {"client_id": "99999999-9999-9999-9999-999999999999"},
        {"directory_id": "99999999-9999-9999-9999-999999999999"},
    ],
    ids=str,
)
async def test_a_refused_sign_in_says_so_once(simulator: Simulator, connect: Connect, wrong: dict[str, str]) -> None:
    with pytest.raises(Refuse) as met:
        await connect(**wrong).organization_id()
    assert met.value.code is Code.GRAPH_SIGN_IN_FAILED
    assert "AADSTS" in met.value.message
    assert "hunter2" not in met.value.message


async def test_a_secret_is_asked_for_afresh_after_a_refusal(simulator: Simulator, connect: Connect) -> None:
    source = connect(client_id="33333333-3333-3333-3333-333333333333", secret="new")
    with pytest.raises(Refuse):
        await source.organization_id()
    app = {
        "client_id": "33333333-3333-3333-3333-333333333333",
        "secret": "new",
        "permissions": ["Organization.Read.All"],
    }
    simulator.set("apps", app)
    assert await source.organization_id() == DIRECTORY_ID


async def test_a_challenge_behind_another_one_is_met(simulator: Simulator, connect: Connect) -> None:
    claims = base64.b64encode(b'{"access_token":{"nbf":{"essential":true,"value":"1"}}}').decode()
    header = f'PoP realm="", nonce="n", Bearer realm="", error="insufficient_claims", claims="{claims}"'
    simulator.fault("status", "organization", status=401, headers={"WWW-Authenticate": header})
    assert await connect().organization_id() == DIRECTORY_ID
    assert simulator.asked("/v1.0/organization") == 2


async def test_a_token_refused_again_and_again_fails_the_sign_in(simulator: Simulator, connect: Connect) -> None:
    simulator.fault("claims-challenge", "organization", times=2)
    with pytest.raises(Refuse) as met:
        await connect().organization_id()
    assert met.value.code is Code.GRAPH_SIGN_IN_FAILED
    simulator.fault("status", "organization", times=2, status=401)
    with pytest.raises(Refuse):
        await connect().organization_id()


async def test_one_token_serves_many_requests(simulator: Simulator, connect: Connect) -> None:
    source = connect()
    await read(source, USERS)
    await read(source, GROUPS)
    assert simulator.asked("/{id}/oauth2/v2.0/token") == 1
    await source.close()
    await source.close()


def reaching(simulator: Simulator, budget: Budget, *, token_seconds: float) -> GraphAccess:
    return GraphAccess(
        graph_url=simulator.url,
        authority_url=simulator.url,
        trust=ssl.create_default_context(cafile=simulator.ca_file),
        budgets=budget,
        token_seconds=token_seconds,
        retry_policy=PATIENCE,
    )


async def organization(access: GraphAccess, secret: str = SECRET) -> str:
    identity = Identity(directory_id=DIRECTORY_ID, client_id=CLIENT_ID, secret=Secret(secret.encode()))
    source = access.connect(identity, lambda: None)
    try:
        return await source.organization_id()
    finally:
        await source.close()


async def test_sources_of_one_application_share_a_token(simulator: Simulator, budget: Budget) -> None:
    access = reaching(simulator, budget, token_seconds=60)
    for _ in range(3):
        await organization(access)
    assert simulator.asked("/{id}/oauth2/v2.0/token") == 1
    with pytest.raises(Refuse):
        await organization(access, "another secret")
    assert simulator.asked("/{id}/oauth2/v2.0/token") == 2


async def test_a_token_is_shared_for_its_seconds_only(simulator: Simulator, budget: Budget) -> None:
    access = reaching(simulator, budget, token_seconds=0)
    for _ in range(2):
        await organization(access)
    assert simulator.asked("/{id}/oauth2/v2.0/token") == 2


async def test_a_token_that_nobody_asks_for_any_more_is_let_go() -> None:
    tokens = Tokens(0.2)
    tokens.keep(b"name", "token", tokens.expiry())
    assert tokens.get(b"name") == "token"
    async with asyncio.timeout(20):
        while tokens._kept:
            await asyncio.sleep(0.01)


async def test_a_reading_that_its_lease_ends_takes_the_token_along(simulator: Simulator, budget: Budget) -> None:
    access = reaching(simulator, budget, token_seconds=60)
    ended: list[KeyRefused] = []

    def check() -> None:
        if ended:
            raise ended[0]

    identity = Identity(directory_id=DIRECTORY_ID, client_id=CLIENT_ID, secret=Secret(SECRET.encode()))
    source = access.connect(identity, check)
    await source.organization_id()
    ended.append(KeyRefused("arn", "The key is disabled."))
    await source.close()
    await organization(access)
    assert simulator.asked("/{id}/oauth2/v2.0/token") == 2


async def test_a_token_that_is_old_is_not_kept_anew(simulator: Simulator, budget: Budget) -> None:
    access = reaching(simulator, budget, token_seconds=0)
    identity = Identity(directory_id=DIRECTORY_ID, client_id=CLIENT_ID, secret=Secret(SECRET.encode()))
    source = access.connect(identity, lambda: None)
    for _ in range(2):
        await source.organization_id()
    assert simulator.asked("/{id}/oauth2/v2.0/token") == 2
    await source.close()


@pytest.mark.parametrize("status", [401, 403])
async def test_a_shared_token_that_is_refused_is_no_longer_shared(
    simulator: Simulator, budget: Budget, status: int
) -> None:
    access = reaching(simulator, budget, token_seconds=60)
    await organization(access)
    simulator.fault("status", "organization", status=status)
    await organization(access)
    await organization(access)
    assert simulator.asked("/{id}/oauth2/v2.0/token") == 2


async def test_a_fresh_token_without_the_permission_is_asked_for_once(simulator: Simulator, budget: Budget) -> None:
    access = reaching(simulator, budget, token_seconds=60)
    await organization(access)
    simulator.fault("status", "organization", status=403, times=2)
    with pytest.raises(Refuse) as met:
        await organization(access)
    assert met.value.code is Code.GRAPH_FORBIDDEN
    assert simulator.asked("/{id}/oauth2/v2.0/token") == 2


async def test_tokens_that_expire_are_renewed_and_cursors_that_expire_start_over(
    simulator: Simulator, connect: Connect
) -> None:
    source = connect()
    _, cursor = await read(source, USERS)
    simulator.set("clock", {"advance_days": 8})
    with pytest.raises(StartOver):
        await read(source, USERS, cursor)
    assert (await read(source, USERS))[0]


CERTIFIED = "55555555-5555-5555-5555-555555555555"


async def test_an_application_signs_in_by_its_certificate(simulator: Simulator, connect: Connect) -> None:
    known, whole = certificate()
    simulator.set("apps", {"client_id": CERTIFIED, "certificate": known, "permissions": ["Organization.Read.All"]})
    source = connect(client_id=CERTIFIED, secret=whole, kind=CredentialKind.CERTIFICATE)
    assert await source.organization_id() == DIRECTORY_ID
    simulator.fault("claims-challenge", "organization")
    assert await source.organization_id() == DIRECTORY_ID


async def test_another_certificate_is_refused_and_one_that_is_none_is_not_sent(
    simulator: Simulator, connect: Connect
) -> None:
    known, _ = certificate()
    simulator.set("apps", {"client_id": CERTIFIED, "certificate": known, "permissions": []})
    with pytest.raises(Refuse, match="AADSTS700027") as met:
        await connect(client_id=CERTIFIED, secret=certificate()[1], kind=CredentialKind.CERTIFICATE).organization_id()
    assert "certificate" in met.value.message
    with pytest.raises(Refuse, match="PEM") as met:
        await connect(client_id=CERTIFIED, secret="hunter2", kind=CredentialKind.CERTIFICATE).organization_id()
    assert met.value.code is Code.GRAPH_SIGN_IN_FAILED
    assert "hunter2" not in met.value.message
