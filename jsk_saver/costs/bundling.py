"""Write the table of prices that comes with the kit anew, from the AWS Price List.

For maintainers, with credentials that may ``pricing:GetProducts``::

    python -m jsk_saver.costs.bundling us-east-1 eu-central-1 > prices.json
    mv prices.json jsk_saver/costs/studio_prices.json
"""

from __future__ import annotations

import datetime as dt
import json
import sys
from collections.abc import Sequence
from typing import Any

from jsk_saver.costs import price_list

_COMPONENT = price_list.COMPONENTS["JupyterLab"]


def table(regions: Sequence[str], today: dt.date) -> dict[str, Any]:
    """Return the table of some regions, as ``studio_prices.json`` has it."""
    asked = {
        region: {
            "date": today.isoformat(),
            "prices": dict(sorted(price_list.ask(region, _COMPONENT).items())),
        }
        for region in sorted(regions)
    }
    source = f"AWS Price List API, AmazonSageMaker, platoinstancetype {_COMPONENT}, on demand"
    return {"source": source, "currency": "USD", "regions": asked}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(table(sys.argv[1:], dt.datetime.now(dt.UTC).date()), indent=1) + "\n")
