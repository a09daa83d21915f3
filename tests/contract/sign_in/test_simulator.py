"""Sign-in through the Graph simulator's authority over HTTPS: good tokens, and each bad one that it can make."""

import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from shared.adapters.clock import SystemClock
from shared.adapters.oidc import Client, OidcProvider
from shared.domain.people import Identity
from shared.domain.secret import Secret
from shared.ports.sign_in_provider import Fault, ProviderAsk, ProviderRefused
from simulator.graph.sign_in.bad_tokens import KINDS
from tests.parts import GraphSimulator, graph_simulator

DIRECTORY = "22222222-2222-2222-2222-222222222222"
OID = "aaaaaaaa-0000-4000-8000-000000000001"
RETURN = "http://localhost:8088/sign-in/return"
BAD = {
    "issuer": Fault.ISSUER,
    "audience": Fault.AUDIENCE,
    "nonce": Fault.NONCE,
    "no-nonce": Fault.NONCE,
    "no-oid": Fault.IDENTITY,
    "other-tenant": Fault.ISSUER,
    "expired": Fault.EXPIRED,
    "not-yet-valid": Fault.CLOCK,
    "old-sign-in": Fault.NOT_FRESH,
    "key": Fault.SIGNATURE,
    "unknown-key": Fault.SIGNATURE,
    "none": Fault.SIGNATURE,
    "hs256": Fault.SIGNATURE,
}


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GraphSimulator]:
    with graph_simulator(tmp_path_factory.mktemp("graph")) as simulator:
        app = {"client_id": "console", "secret": "hush", "permissions": [], "redirect_uris": [RETURN]}
        simulator.post("apps", app)
        simulator.post("people", {"oid": OID, "name": "Ana", "handle": "ana"})
        yield simulator


def identify(simulator: GraphSimulator, directory: str = DIRECTORY) -> Identity:
    """Sign ana in, freshly, as the console does."""
    trust = ssl.create_default_context(cafile=simulator.ca_file)
    client = Client(client_id="console", secret=Secret(b"hush"))
    provider = OidcProvider(f"{simulator.url}/{directory}/v2.0", client, trust, SystemClock())
    now = datetime.now(UTC)
    ask = ProviderAsk(
        return_url=RETURN, state="s", nonce="n", verifier="v" * 43, fresh_since=now - timedelta(seconds=1)
    )
    url = httpx.URL(provider.authorize_url(ask)).copy_merge_params({"login_hint": "ana"})
    sent_back = httpx.get(url, verify=trust).headers["location"]
    return provider.identify(ask, httpx.URL(sent_back).params["code"], datetime.fromtimestamp(time.time(), UTC))


@pytest.mark.parametrize("directory", [DIRECTORY, "organizations"])
def test_a_person_of_the_directory_is_identified(simulator: GraphSimulator, directory: str) -> None:
    assert identify(simulator, directory) == Identity(authority=DIRECTORY, subject=OID)


@pytest.mark.parametrize("kind", BAD)
def test_each_bad_token_of_the_simulator_is_refused_and_the_next_one_is_good(
    simulator: GraphSimulator, kind: str
) -> None:
    simulator.post("tokens", {"bad": kind, "times": 1})
    with pytest.raises(ProviderRefused) as caught:
        identify(simulator)
    assert caught.value.fault is BAD[kind]
    assert identify(simulator).subject == OID


def test_every_bad_token_that_the_simulator_makes_is_tried(simulator: GraphSimulator) -> None:
    assert set(KINDS) == set(BAD)
