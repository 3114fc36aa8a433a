"""What AWS tells about money: Cost Explorer, the Price List, and STS, which says whose account it is.

moto answers Cost Explorer's calls with what a test put there, whatever was asked. This stand-in keeps
a ledger and works answers out of it: filters, groups, pages, days that are estimated, the limits of the
period. Each request and each answer is checked against botocore's own service model, as in
:mod:`tests.servers.studio`.
"""

from __future__ import annotations

import datetime as dt
import json
import threading
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.servers.studio import violation
from tests.servers.studio_lists import Refused
from tests.servers.threaded import Threaded

Said = dict[str, Any]

_SERVICES = {"AWSInsightsIndexService": "ce", "AWSPriceListService": "pricing"}
_IDENTITY = """<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<GetCallerIdentityResult><Arn>arn:aws:iam::{0}:user/ada</Arn><UserId>AIDA</UserId><Account>{0}</Account>
</GetCallerIdentityResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>
</GetCallerIdentityResponse>"""


@dataclass
class Charge:
    """One line of a bill."""

    day: dt.date
    usage: str
    cost: str
    hours: str = "0"
    service: str = "Amazon SageMaker"
    tags: dict[str, str] = field(default_factory=dict)
    record: str = "Usage"


class Billing(Threaded):
    """The bill of one account, and the prices of all regions.

    Parameters
    ----------
    today
        Where the calendar stands: the month before is final, this one is estimated.
    page
        Groups, and products, on a page.
    """

    def __init__(self, today: dt.date, page: int = 3) -> None:
        self.today, self.page = today, page
        self.account, self.currency = "123456789012", "USD"
        self.charges: list[Charge] = []
        #: By region, component and instance type; in USD an hour.
        self.prices: dict[tuple[str, str, str], str] = {}
        self.calls: list[tuple[str, Said]] = []
        self.violations: list[str] = []
        self._faults: list[list[Any]] = []
        self._lock = threading.RLock()
        super().__init__(_Server(self))

    def environment(self) -> dict[str, str]:
        """Return the environment variables that point boto3 here."""
        services = ("COST_EXPLORER", "PRICING", "STS")
        return {f"AWS_ENDPOINT_URL_{name}": self.endpoint for name in services}

    def count(self, operation: str) -> int:
        """Return how many calls of an operation came."""
        return sum(name == operation for name, _ in self.calls)

    def charge(self, day: dt.date, usage: str, cost: str, hours: str = "0", **more: Any) -> None:
        """Write a line into the ledger; ``tags`` are those of the kit, without ``jsk:``."""
        tags = {f"jsk:{name}": value for name, value in more.pop("tags", {}).items()}
        self.charges.append(Charge(day, usage, cost, hours, tags=tags, **more))

    def fail_next(self, operation: str, code: str, message: str = "Told to fail.", times: int = 1) -> None:
        """Answer an error without doing anything."""
        self._faults.append([operation, times, code, message])

    def mend(self) -> None:
        """Take back everything that goes wrong."""
        self._faults.clear()

    # One call ---------------------------------------------------------------------------------------

    def answer(self, service: str, operation: str, said: Said) -> tuple[int, Said]:
        """Return the answer to a call."""
        with self._lock:
            self.calls.append((operation, said))
            for fault in self._faults:
                if fault[0] == operation and fault[1] > 0:
                    fault[1] -= 1
                    return 400, {"__type": fault[2], "message": fault[3]}
            model = _operation(service, operation)
            if wrong := violation(model.input_shape, said):
                self.violations.append(f"{operation}: {wrong}")
                return 400, {"__type": "ValidationException", "message": wrong}
            try:
                answer = self._costs(said) if operation == "GetCostAndUsage" else self._products(said)
            except Refused as refused:
                return 400, {"__type": refused.code, "message": str(refused)}
            if wrong := violation(model.output_shape, answer):
                self.violations.append(f"{operation} answered: {wrong}")
                return 500, {"__type": "InternalFailure", "message": wrong}
            return 200, answer

    # Cost Explorer ----------------------------------------------------------------------------------

    def _costs(self, said: Said) -> Said:
        start, end = (dt.date.fromisoformat(said["TimePeriod"][name]) for name in ("Start", "End"))
        self._check_period(start, end)
        split = said.get("GroupBy", [])
        if len(split) > 2:
            raise Refused("ValidationException", "A maximum of 2 group definitions is allowed.")
        _check_expression(said["Filter"])
        chosen = [one for one in self.charges if start <= one.day < end and _fits(one, said["Filter"])]
        groups: dict[tuple[dt.date, tuple[str, ...]], list[Charge]] = {}
        for one in chosen:
            groups.setdefault((one.day, tuple(_key(one, part) for part in split)), []).append(one)
        listed = sorted(groups.items())
        first = int(said.get("NextPageToken", 0))
        shown = listed[first : first + self.page]
        is_last = first + self.page >= len(listed)
        days = [start + dt.timedelta(days=number) for number in range((end - start).days)]
        if shown or first:  # a page tells the days that its groups are of, and the last one the rest
            begin = days[0] if not first else listed[first][0][0]
            stop = days[-1] if is_last else shown[-1][0][0]
            days = [day for day in days if begin <= day <= stop]
        told: Said = {"ResultsByTime": [self._day(day, shown) for day in days], "GroupDefinitions": split}
        return told if is_last else {**told, "NextPageToken": str(first + self.page)}

    def _check_period(self, start: dt.date, end: dt.date) -> None:
        if start >= end:
            raise Refused("ValidationException", "Start date (and hour) should be before end date (and hour)")
        next_month = (self.today.replace(day=28) + dt.timedelta(days=4)).replace(day=1)
        if end > next_month:
            raise Refused("ValidationException", "end date past the beginning of next month")
        if (self.today - start).days > 14 * 31:
            raise Refused("ValidationException", "You haven't enabled historical data beyond 14 months")

    def _day(self, day: dt.date, shown: list[Any]) -> Said:
        groups = [
            {
                "Keys": list(keys),
                "Metrics": {
                    "UnblendedCost": {"Amount": str(_total(lines, "cost")), "Unit": self.currency},
                    "UsageQuantity": {"Amount": str(_total(lines, "hours")), "Unit": _unit(lines)},
                },
            }
            for (when, keys), lines in shown
            if when == day
        ]
        period = {"Start": day.isoformat(), "End": (day + dt.timedelta(days=1)).isoformat()}
        estimated = (day.year, day.month) == (self.today.year, self.today.month)
        return {"TimePeriod": period, "Total": {}, "Groups": groups, "Estimated": estimated}

    # The Price List ---------------------------------------------------------------------------------

    def _products(self, said: Said) -> Said:
        if said["ServiceCode"] != "AmazonSageMaker":
            raise Refused("InvalidParameterException", "Unknown service code.")
        wanted = {one["Field"]: one["Value"] for one in said.get("Filters", ())}
        if set(wanted) - {"regionCode", "platoinstancetype"}:
            raise Refused("InvalidParameterException", f"Unknown fields: {sorted(wanted)}")
        found = [
            _product(*key, price)
            for key, price in sorted(self.prices.items())
            if wanted.get("regionCode", key[0]) == key[0]
            and wanted.get("platoinstancetype", key[1]) == key[1]
        ]
        first = int(said.get("NextToken", 0))
        told: Said = {"FormatVersion": "aws_v1", "PriceList": found[first : first + self.page]}
        more = first + self.page
        return {**told, "NextToken": str(more)} if more < len(found) else told


def _check_expression(told: Said) -> None:
    if len(told) != 1:
        raise Refused("ValidationException", "Expression must have exactly one root")
    if len(told.get("And", "12")) < 2:
        raise Refused("ValidationException", "And expressions must have at least 2 operands")
    for part in [*told.get("And", ()), *([told["Not"]] if "Not" in told else [])]:
        _check_expression(part)


def _fits(one: Charge, told: Said) -> bool:
    """Tell whether a line is one that an Expression describes."""
    if "And" in told:
        return all(_fits(one, part) for part in told["And"])
    if "Not" in told:
        return not _fits(one, told["Not"])
    if "Dimensions" in told:
        values = {"RECORD_TYPE": one.record, "SERVICE": one.service}
        return values[told["Dimensions"]["Key"]] in told["Dimensions"]["Values"]
    tag = one.tags.get(told["Tags"]["Key"])
    if told["Tags"].get("MatchOptions") == ["ABSENT"]:
        return tag is None
    return tag in told["Tags"]["Values"]


def _key(one: Charge, part: Said) -> str:
    if part["Type"] == "TAG":
        return f"{part['Key']}${one.tags.get(part['Key'], '')}"
    return {"SERVICE": one.service, "USAGE_TYPE": one.usage}[part["Key"]]


def _total(lines: list[Charge], name: str) -> Any:
    from decimal import Decimal

    return sum((Decimal(getattr(one, name)) for one in lines), Decimal(0))


def _unit(lines: list[Charge]) -> str:
    units = Counter("Hrs" if one.hours != "0" else "N/A" for one in lines)
    return units.most_common(1)[0][0] if len(units) == 1 else "N/A"


def _product(region: str, component: str, instance: str, price: str) -> str:
    """Return a product as the Price List has it: in JSON, as a text."""
    kind = {"Studio-JupyterLab": "Studio:JupyterLab-", "Studio-Notebook": "Studio:KernelGateway-"}.get(
        component, "Studio:CodeEditor-"
    )
    attributes = {
        "servicecode": "AmazonSageMaker",
        "regionCode": region,
        "platoinstancetype": component,
        "usagetype": f"XXX1-{kind}{instance}",
        "instanceType": f"{instance}-{component}",
    }
    dimension = {"unit": "Hrs", "pricePerUnit": {"USD": price}}
    free = {"unit": "Hrs", "pricePerUnit": {"USD": "0.0000000000"}}
    terms = {"OnDemand": {"T": {"priceDimensions": {"T.free": free, "T.1": dimension}}}}
    product = {"productFamily": "ML Instance", "sku": "SKU", "attributes": attributes}
    return json.dumps({"product": product, "serviceCode": "AmazonSageMaker", "terms": terms})


@cache
def _operation(service: str, name: str) -> Any:
    import botocore.session

    return botocore.session.get_session().get_service_model(service).operation_model(name)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, billing: Billing) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.billing = billing


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        service, _, operation = self.headers.get("X-Amz-Target", "").partition(".")
        if not operation:
            self._write(200, "text/xml", _IDENTITY.format(self.server.billing.account).encode())
            return
        said = json.loads(body or b"{}")
        status, answer = self.server.billing.answer(_SERVICES[service], operation, said)
        self._write(status, "application/x-amz-json-1.1", json.dumps(answer).encode())

    def _write(self, status: int, kind: str, data: bytes) -> None:
        head = f"HTTP/1.1 {status} Answer\r\nContent-Type: {kind}\r\nContent-Length: {len(data)}\r\n\r\n"
        self.wfile.write(head.encode() + data)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        """Say nothing."""
