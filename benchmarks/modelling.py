"""Read a sample of users and groups through msgraph-sdk's typed models, and print the measurements as JSON.

Runs as a separate process. Arguments: Graph's URL, the file of authorities to trust, directory id, client id, secret, then
the number of objects of each kind.
"""

import asyncio
import ssl
import sys
import time
import warnings
from typing import Any

import httpx
import msgspec
from azure.identity import ClientSecretCredential
from kiota_abstractions.base_request_configuration import RequestConfiguration
from kiota_authentication_azure.azure_identity_authentication_provider import AzureIdentityAuthenticationProvider
from msgraph.generated.groups.delta.delta_request_builder import DeltaRequestBuilder as Groups
from msgraph.generated.users.delta.delta_request_builder import DeltaRequestBuilder as Users
from msgraph.graph_request_adapter import GraphRequestAdapter
from msgraph.graph_service_client import GraphServiceClient
from msgraph_core import GraphClientFactory

from benchmarks.measure import Measure, peak
from shared.domain.resources import STREAMS


async def read(graph_url: str, ca_file: str, directory_id: str, client_id: str, secret: str, most: int) -> Measure:
    """Read the delta rounds of the backup, each until it has given ``most`` models. Return the measurements."""
    authority = ssl.create_default_context(cafile=ca_file)
    with ClientSecretCredential(
        directory_id,
        client_id,
        secret,
        authority=graph_url,
        disable_instance_discovery=True,
        connection_verify=ca_file,
    ) as credential:
        scopes, hosts = [f"{graph_url}/.default"], [httpx.URL(graph_url).host]
        provider = AzureIdentityAuthenticationProvider(credential, scopes=scopes, allowed_hosts=hosts)
        plain = httpx.AsyncClient(verify=authority, http2=False, trust_env=False, timeout=60)
        adapter = GraphRequestAdapter(provider, client=GraphClientFactory.create_with_default_middleware(client=plain))
        adapter.base_url = f"{graph_url}/v1.0"
        client = GraphServiceClient(request_adapter=adapter)
        steps: dict[str, float] = {}
        started_at, cpu_before = time.perf_counter(), time.process_time()
        counts = {}
        for name, builder, query in (
            ("users", client.users.delta, Users.DeltaRequestBuilderGetQueryParameters),
            ("groups", client.groups.delta, Groups.DeltaRequestBuilderGetQueryParameters),
        ):
            kind_started_at = time.perf_counter()
            counts[name] = await _follow(builder, query(select=list(STREAMS[name].selected)), most)
            steps[name] = time.perf_counter() - kind_started_at
        return Measure(
            seconds=time.perf_counter() - started_at,
            cpu_seconds=time.process_time() - cpu_before,
            peak=peak(),
            counts=counts,
            steps=steps,
        )


async def _follow(builder: Any, query: Any, most: int) -> int:
    """Read pages until they have given ``most`` objects or the round ends. Return the number of distinct objects."""
    page = await builder.get(RequestConfiguration(query_parameters=query))
    ids = {model.id for model in page.value}
    while len(ids) < most and page.odata_next_link:
        page = await builder.with_url(page.odata_next_link).get()
        ids |= {model.id for model in page.value}
    return len(ids)


if __name__ == "__main__":
    # The SDK's generated modules use deprecated parts of kiota.
    warnings.simplefilter("ignore", DeprecationWarning)
    sys.stdout.buffer.write(msgspec.json.encode(asyncio.run(read(*sys.argv[1:6], int(sys.argv[6])))))
