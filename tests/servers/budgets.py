"""AWS Budgets: a stand-in for what Terraform makes there, with notifications, their subscribers and tags.

moto's budgets have neither tags nor subscribers, and Terraform asks for them until it gives up. As in
:mod:`tests.servers.studio`, each request and each answer is checked against botocore's own service model.
"""

from __future__ import annotations

import json
import re
import threading
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.servers.studio import violation
from tests.servers.studio_lists import Refused
from tests.servers.threaded import Threaded

Said = dict[str, Any]

#: AWS's own, where a request leaves them out: the first of the month it came in, and for ever.
_PERIOD = {"Start": 1_793_491_200.0, "End": 3_706_473_600.0}
_COSTS = {
    "IncludeTax": True,
    "IncludeSubscription": True,
    "UseBlended": False,
    "IncludeRefund": True,
    "IncludeCredit": True,
    "IncludeUpfront": True,
    "IncludeRecurring": True,
    "IncludeOtherSubscription": True,
    "IncludeSupport": True,
    "IncludeDiscount": True,
    "UseAmortized": False,
}


class Budgets(Threaded):
    """The budgets of one account, by name: what was said, and ``tags`` and ``notifications`` beside it."""

    def __init__(self) -> None:
        self.budgets: dict[str, Said] = {}
        self.tags: dict[str, dict[str, str]] = {}
        #: By budget: each notification with those who are told.
        self.notifications: dict[str, list[tuple[Said, list[Said]]]] = {}
        self.calls: list[tuple[str, Said]] = []
        self.violations: list[str] = []
        self._lock = threading.RLock()
        super().__init__(_Server(self))

    def environment(self) -> dict[str, str]:
        """Return the environment variables that point boto3 and Terraform here."""
        return {"AWS_ENDPOINT_URL_BUDGETS": self.endpoint}

    def answer(self, operation: str, said: Said) -> tuple[int, Said]:
        """Return the answer to a call."""
        with self._lock:
            self.calls.append((operation, said))
            model, does = _operation(operation), getattr(self, _method(operation), None)
            if model is None or does is None:
                self.violations.append(f"{operation}: there is no such operation here")
                return 400, {"__type": "InvalidParameterException", "Message": operation}
            if wrong := violation(model.input_shape, said):
                self.violations.append(f"{operation}: {wrong}")
                return 400, {"__type": "InvalidParameterException", "Message": wrong}
            try:
                answer = does(said)
            except Refused as refused:
                if refused.code not in [shape.name for shape in model.error_shapes]:
                    self.violations.append(f"{operation} never answers {refused.code}")
                return 400, {"__type": refused.code, "Message": str(refused)}
            if wrong := violation(model.output_shape, answer):
                self.violations.append(f"{operation} answered: {wrong}")
                return 500, {"__type": "InternalErrorException", "Message": wrong}
            return 200, answer

    # Budgets ----------------------------------------------------------------------------------------

    def _create_budget(self, said: Said) -> Said:
        name = said["Budget"]["BudgetName"]
        if name in self.budgets:
            raise Refused("DuplicateRecordException", f"Error creating budget: {name} - budget exists.")
        self.budgets[name] = _complete(said["Budget"])
        self.notifications[name] = [
            (one["Notification"], one["Subscribers"]) for one in said.get("NotificationsWithSubscribers", ())
        ]
        self.tags[name] = _pairs(said.get("ResourceTags", ()))
        return {}

    def _describe_budget(self, said: Said) -> Said:
        return {"Budget": self._there(said["BudgetName"])}

    def _update_budget(self, said: Said) -> Said:
        name = said["NewBudget"]["BudgetName"]
        self._there(name)
        self.budgets[name] = _complete(said["NewBudget"])
        return {}

    def _delete_budget(self, said: Said) -> Said:
        self._there(said["BudgetName"])
        for kept in (self.budgets, self.notifications, self.tags):
            del kept[said["BudgetName"]]
        return {}

    def _there(self, name: str) -> Said:
        if name not in self.budgets:
            raise Refused("NotFoundException", f"Unable to get budget: {name} - the budget doesn't exist.")
        return self.budgets[name]

    # Who is told ------------------------------------------------------------------------------------

    def _create_notification(self, said: Said) -> Said:
        self._there(said["BudgetName"])
        kept = self.notifications[said["BudgetName"]]
        if any(_same(one, said["Notification"]) for one, _ in kept):
            raise Refused("DuplicateRecordException", "The notification exists already.")
        kept.append((said["Notification"], said["Subscribers"]))
        return {}

    def _delete_notification(self, said: Said) -> Said:
        self.notifications[said["BudgetName"]].remove(self._told(said))
        return {}

    def _describe_notifications_for_budget(self, said: Said) -> Said:
        self._there(said["BudgetName"])
        kept = self.notifications[said["BudgetName"]]
        return {"Notifications": [{**one, "NotificationState": "OK"} for one, _ in kept]}

    def _describe_subscribers_for_notification(self, said: Said) -> Said:
        return {"Subscribers": self._told(said)[1]}

    def _told(self, said: Said) -> tuple[Said, list[Said]]:
        self._there(said["BudgetName"])
        for one in self.notifications[said["BudgetName"]]:
            if _same(one[0], said["Notification"]):
                return one
        raise Refused("NotFoundException", "The notification doesn't exist.")

    # Tags -------------------------------------------------------------------------------------------

    def _list_tags_for_resource(self, said: Said) -> Said:
        tags = self.tags[self._named(said)]
        return {"ResourceTags": [{"Key": key, "Value": value} for key, value in tags.items()]}

    def _tag_resource(self, said: Said) -> Said:
        self.tags[self._named(said)] |= _pairs(said["ResourceTags"])
        return {}

    def _untag_resource(self, said: Said) -> Said:
        tags = self.tags[self._named(said)]
        for key in said["ResourceTagKeys"]:
            tags.pop(key, None)
        return {}

    def _named(self, said: Said) -> str:
        name = str(said["ResourceARN"]).rpartition(":budget/")[2]
        self._there(name)
        return name


def _complete(budget: Said) -> Said:
    """Return a budget with what AWS fills in; both ends of a period may be left out."""
    spent = {"ActualSpend": {"Amount": "0", "Unit": budget.get("BudgetLimit", {}).get("Unit", "USD")}}
    period = {**_PERIOD, **budget.get("TimePeriod", {})}
    costs = {**_COSTS, **budget.get("CostTypes", {})}
    return {**budget, "TimePeriod": period, "CostTypes": costs, "CalculatedSpend": spent}


def _same(one: Said, other: Said) -> bool:
    """Tell whether two notifications are one; its state is none of what it is known by."""
    usual = {"ThresholdType": "PERCENTAGE"}
    names = ("NotificationType", "ComparisonOperator", "Threshold", "ThresholdType")
    return [{**usual, **one}[name] for name in names] == [{**usual, **other}[name] for name in names]


def _pairs(tags: Any) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in tags}


def _method(operation: str) -> str:
    return re.sub("([A-Z])", r"_\1", operation).lower()


@cache
def _operation(name: str) -> Any:
    import botocore.session

    model = botocore.session.get_session().get_service_model("budgets")
    return model.operation_model(name) if name in model.operation_names else None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, budgets: Budgets) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.budgets = budgets


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        operation = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
        status, answer = self.server.budgets.answer(operation, json.loads(body or b"{}"))
        data = json.dumps(answer).encode()
        head = f"HTTP/1.1 {status} Answer\r\nContent-Type: application/x-amz-json-1.1\r\n"
        self.wfile.write(f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
        """Say nothing."""
