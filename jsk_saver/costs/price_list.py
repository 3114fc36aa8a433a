"""The AWS Price List: what an hour of each instance type costs in a region.

Asking is free. The service lives in a few regions and knows the prices of all.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from jsk_saver.costs.clients import connect, explained
from jsk_saver.costs.usage import instance_of

#: Where the price list is asked; each partition has its own.
_HOME = {"cn-": "cn-northwest-1"}
_EVERYWHERE = "us-east-1"
#: What the price list calls the apps that people start in Studio.
COMPONENTS = {
    "JupyterLab": "Studio-JupyterLab",
    "CodeEditor": "studio-codeeditor",
    "KernelGateway": "Studio-Notebook",
}


def ask(region: str, component: str, *, profile: str = "") -> dict[str, float]:
    """Return the price of an hour by instance type, in USD.

    Parameters
    ----------
    region
        Where the instances run.
    component
        What they are used for; one of :data:`COMPONENTS`.

    Raises
    ------
    AccountError
        If the price list refuses or does not answer.
    """
    home = next((place for start, place in _HOME.items() if region.startswith(start)), _EVERYWHERE)
    client = connect("pricing", region=home, profile=profile)
    wanted = {"regionCode": region, "platoinstancetype": component}
    filters = [{"Type": "TERM_MATCH", "Field": name, "Value": value} for name, value in wanted.items()]
    found: dict[str, float] = {}
    more: dict[str, str] = {}
    while True:
        with explained("telling prices (pricing:GetProducts)"):
            page = client.get_products(
                ServiceCode="AmazonSageMaker",
                Filters=filters,
                FormatVersion="aws_v1",
                MaxResults=100,
                **more,
            )
        for text in page.get("PriceList", ()):
            found |= _prices(json.loads(text))
        if not page.get("NextToken"):
            return found
        more = {"NextToken": page["NextToken"]}


def _prices(product: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Yield instance type and price of a product, if it is sold by the hour."""
    told = product.get("product", {}).get("attributes", {})
    # What the bill says too; some products name the type with more behind it: "ml.m5.large-Notebook".
    instance = instance_of(told.get("usagetype", "")) or told.get("instanceType", "").partition("-")[0]
    for term in product.get("terms", {}).get("OnDemand", {}).values():
        for dimension in term.get("priceDimensions", {}).values():
            price = float(dimension.get("pricePerUnit", {}).get("USD", 0))
            # What costs nothing is a free tier, beside the price itself.
            if instance and price and dimension.get("unit", "").lower() in ("hrs", "hours", "hour"):
                yield instance, price
