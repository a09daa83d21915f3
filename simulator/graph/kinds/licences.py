"""Products that the directory has bought."""

import json

from simulator.graph import words
from simulator.graph.kinds import properties
from simulator.graph.kinds.model import DIRECTORY_READ, Kind

_DIRECTORY = "22222222-2222-2222-2222-222222222222"


def _product(sku: str, number: int) -> str:
    """Return a product of which generated users hold licences."""
    return json.dumps(
        {
            "accountId": _DIRECTORY,
            "accountName": "contoso",
            "appliesTo": "User",
            "capabilityStatus": "Enabled",
            "consumedUnits": 0,
            "id": f"{_DIRECTORY}_{sku}",
            "prepaidUnits": {"enabled": 1_000_000, "suspended": 0, "warning": 0, "lockedOut": 0},
            "servicePlans": [
                {
                    "servicePlanId": plan,
                    "servicePlanName": f"PLAN_{place}",
                    "appliesTo": "User",
                    "provisioningStatus": "Success",
                }
                for place, plan in enumerate(words.PLANS, 1)
            ],
            "skuId": sku,
            "skuPartNumber": f"PRODUCT_{number}",
            "subscriptionIds": [],
        }
    )


SUBSCRIBED_SKUS = Kind(
    path="subscribedSkus",
    type="subscribedSku",
    properties=tuple(properties.SUBSCRIBED_SKU.split()),
    read=frozenset(
        ("LicenseAssignment.Read.All", "Organization.Read.All", "Organization.ReadWrite.All", *DIRECTORY_READ)
    ),
    write=frozenset(),
    open=False,
    paged=False,
    page=0,
    indexed=("skuId",),
    initial=tuple(_product(sku, number) for number, sku in enumerate(words.LICENCES, 1)),
)
"""Products that the directory has bought. Graph never writes them. Only writes through Graph count seats."""
