"""Graph through a TLS-inspecting proxy: its authority is trusted if configured, otherwise the error names the setting."""

from pathlib import Path

import pytest

from shared.adapters.graph import RetryPolicy
from shared.domain.errors import GraphTrouble
from tests.contract.graph.proxy import inspecting_proxy
from tests.contract.graph.reading import POLICIES, Connect, read, records
from tests.contract.graph.simulator import DIRECTORY_ID, Simulator


async def test_sign_in_and_graph_go_through_a_proxy_with_an_authority_of_its_own(
    simulator: Simulator, connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with inspecting_proxy(tmp_path, simulator.ca_file) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        source = connect(ca_file=proxy.ca_file)
        assert await source.organization_id() == DIRECTORY_ID
        assert records((await read(source, POLICIES))[0], "conditionalAccessPolicies")
        assert b"/oauth2/v2.0/token" in proxy.plaintext
        assert b"/v1.0/identity/conditionalAccess/policies" in proxy.plaintext
        await source.close()


async def test_an_untrusted_proxy_error_names_the_ca_bundle_setting(
    simulator: Simulator, connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with inspecting_proxy(tmp_path, simulator.ca_file) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        with pytest.raises(GraphTrouble, match="ENTRAKEEP_CA_BUNDLE"):
            await connect(retry_policy=RetryPolicy(tries=1)).organization_id()
