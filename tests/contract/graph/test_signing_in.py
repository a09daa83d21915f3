"""Tokens: requested, shared, renewed, challenged and refused."""

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
    RETRY_POLICY,
    TOKEN,
    USERS,
    Budget,
    Connect,
    read,
)
from tests.contract.graph.simulator import CLIENT_ID, DIRECTORY_ID, SECRET, Simulator


@pytest.mark.parametrize("what", ["drop", "truncate", "garbage", "429", "503"])
async def test_sign_in_is_retried_after_trouble(simulator: Simulator, connect: Connect, what: str) -> None:
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
async def test_a_refused_sign_in_is_reported_without_the_secret(
    simulator: Simulator, connect: Connect, wrong: dict[str, str]
) -> None:
    with pytest.raises(Refuse) as caught:
        await connect(**wrong).organization_id()
    assert caught.value.code is Code.GRAPH_SIGN_IN_FAILED
    assert "AADSTS" in caught.value.message
    assert "hunter2" not in caught.value.message


async def test_a_source_signs_in_again_after_a_refusal(simulator: Simulator, connect: Connect) -> None:
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


async def test_a_claims_challenge_after_another_scheme_is_answered(simulator: Simulator, connect: Connect) -> None:
    claims = base64.b64encode(b'{"access_token":{"nbf":{"essential":true,"value":"1"}}}').decode()
    header = f'PoP realm="", nonce="n", Bearer realm="", error="insufficient_claims", claims="{claims}"'
    simulator.fault("status", "organization", status=401, headers={"WWW-Authenticate": header})
    assert await connect().organization_id() == DIRECTORY_ID
    assert simulator.request_count("/v1.0/organization") == 2


async def test_a_repeatedly_refused_token_fails_the_sign_in(simulator: Simulator, connect: Connect) -> None:
    simulator.fault("claims-challenge", "organization", times=2)
    with pytest.raises(Refuse) as caught:
        await connect().organization_id()
    assert caught.value.code is Code.GRAPH_SIGN_IN_FAILED
    simulator.fault("status", "organization", times=2, status=401)
    with pytest.raises(Refuse):
        await connect().organization_id()


async def test_one_token_serves_many_requests(simulator: Simulator, connect: Connect) -> None:
    source = connect()
    await read(source, USERS)
    await read(source, GROUPS)
    assert simulator.request_count("/{id}/oauth2/v2.0/token") == 1
    await source.close()
    await source.close()


def graph_access(simulator: Simulator, budget: Budget, *, token_seconds: float) -> GraphAccess:
    return GraphAccess(
        graph_url=simulator.url,
        authority_url=simulator.url,
        trust=ssl.create_default_context(cafile=simulator.ca_file),
        budgets=budget,
        token_seconds=token_seconds,
        retry_policy=RETRY_POLICY,
    )


async def organization(access: GraphAccess, secret: str = SECRET) -> str:
    identity = Identity(directory_id=DIRECTORY_ID, client_id=CLIENT_ID, secret=Secret(secret.encode()))
    source = access.connect(identity, lambda: None)
    try:
        return await source.organization_id()
    finally:
        await source.close()


async def test_sources_of_one_application_share_a_token(simulator: Simulator, budget: Budget) -> None:
    access = graph_access(simulator, budget, token_seconds=60)
    for _ in range(3):
        await organization(access)
    assert simulator.request_count("/{id}/oauth2/v2.0/token") == 1
    with pytest.raises(Refuse):
        await organization(access, "another secret")
    assert simulator.request_count("/{id}/oauth2/v2.0/token") == 2


async def test_a_token_is_shared_for_its_seconds_only(simulator: Simulator, budget: Budget) -> None:
    access = graph_access(simulator, budget, token_seconds=0)
    for _ in range(2):
        await organization(access)
    assert simulator.request_count("/{id}/oauth2/v2.0/token") == 2


async def test_an_expired_token_is_removed_without_a_further_request() -> None:
    tokens = Tokens(0.2)
    tokens.keep(b"name", "token", tokens.expiry())
    assert tokens.get(b"name") == "token"
    async with asyncio.timeout(20):
        while tokens._kept:
            await asyncio.sleep(0.01)


async def test_a_key_refusal_also_removes_the_shared_token(simulator: Simulator, budget: Budget) -> None:
    access = graph_access(simulator, budget, token_seconds=60)
    refusals: list[KeyRefused] = []

    def check() -> None:
        if refusals:
            raise refusals[0]

    identity = Identity(directory_id=DIRECTORY_ID, client_id=CLIENT_ID, secret=Secret(SECRET.encode()))
    source = access.connect(identity, check)
    await source.organization_id()
    refusals.append(KeyRefused("arn", "The key is disabled."))
    await source.close()
    await organization(access)
    assert simulator.request_count("/{id}/oauth2/v2.0/token") == 2


async def test_an_expired_token_is_not_used_again(simulator: Simulator, budget: Budget) -> None:
    access = graph_access(simulator, budget, token_seconds=0)
    identity = Identity(directory_id=DIRECTORY_ID, client_id=CLIENT_ID, secret=Secret(SECRET.encode()))
    source = access.connect(identity, lambda: None)
    for _ in range(2):
        await source.organization_id()
    assert simulator.request_count("/{id}/oauth2/v2.0/token") == 2
    await source.close()


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refused_token_is_no_longer_shared(simulator: Simulator, budget: Budget, status: int) -> None:
    access = graph_access(simulator, budget, token_seconds=60)
    await organization(access)
    simulator.fault("status", "organization", status=status)
    await organization(access)
    await organization(access)
    assert simulator.request_count("/{id}/oauth2/v2.0/token") == 2


async def test_a_missing_permission_requests_only_one_fresh_token(simulator: Simulator, budget: Budget) -> None:
    access = graph_access(simulator, budget, token_seconds=60)
    await organization(access)
    simulator.fault("status", "organization", status=403, times=2)
    with pytest.raises(Refuse) as caught:
        await organization(access)
    assert caught.value.code is Code.GRAPH_FORBIDDEN
    assert simulator.request_count("/{id}/oauth2/v2.0/token") == 2


async def test_expired_tokens_are_renewed_and_expired_cursors_start_over(
    simulator: Simulator, connect: Connect
) -> None:
    source = connect()
    _, cursor = await read(source, USERS)
    simulator.set("clock", {"advance_days": 8})
    with pytest.raises(StartOver):
        await read(source, USERS, cursor)
    assert (await read(source, USERS))[0]


CERTIFIED = "55555555-5555-5555-5555-555555555555"


async def test_an_application_signs_in_with_its_certificate(simulator: Simulator, connect: Connect) -> None:
    public, credential = certificate()
    simulator.set("apps", {"client_id": CERTIFIED, "certificate": public, "permissions": ["Organization.Read.All"]})
    source = connect(client_id=CERTIFIED, secret=credential, kind=CredentialKind.CERTIFICATE)
    assert await source.organization_id() == DIRECTORY_ID
    simulator.fault("claims-challenge", "organization")
    assert await source.organization_id() == DIRECTORY_ID


async def test_an_unknown_certificate_is_refused_and_an_invalid_one_is_not_sent(
    simulator: Simulator, connect: Connect
) -> None:
    public, _ = certificate()
    simulator.set("apps", {"client_id": CERTIFIED, "certificate": public, "permissions": []})
    with pytest.raises(Refuse, match="AADSTS700027") as caught:
        await connect(client_id=CERTIFIED, secret=certificate()[1], kind=CredentialKind.CERTIFICATE).organization_id()
    assert "certificate" in caught.value.message
    with pytest.raises(Refuse, match="PEM") as caught:
        await connect(client_id=CERTIFIED, secret="hunter2", kind=CredentialKind.CERTIFICATE).organization_id()
    assert caught.value.code is Code.GRAPH_SIGN_IN_FAILED
    assert "hunter2" not in caught.value.message
