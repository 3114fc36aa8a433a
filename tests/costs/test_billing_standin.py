"""The stand-in for Cost Explorer and the Price List is as strict as the services."""

from __future__ import annotations

import datetime as dt

import pytest
from botocore.exceptions import ClientError

from tests.servers.billing import Billing

TAGGED = {"Tags": {"Key": "jsk:squad", "Values": ["vision"]}}


@pytest.fixture
def client(monkeypatch, today):
    """boto3's client of a bill that may be asked wrongly."""
    import boto3
    from botocore.config import Config

    with Billing(today) as server:
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        config = Config(retries={"total_max_attempts": 1}, parameter_validation=False)
        yield boto3.client("ce", region_name="us-east-1", config=config)


def ask(client, today: dt.date, **more):
    period = {"Start": (today - dt.timedelta(days=2)).isoformat(), "End": today.isoformat()}
    asked = {"TimePeriod": period, "Granularity": "DAILY", "Metrics": ["UnblendedCost"], "Filter": TAGGED}
    return client.get_cost_and_usage(**(asked | more))


def test_a_question_that_fits_is_answered_day_by_day(client, today):
    assert len(ask(client, today)["ResultsByTime"]) == 2


@pytest.mark.parametrize(
    "more",
    [
        {"Granularity": "WEEKLY"},
        {"GroupBy": [{"Type": "COLOUR", "Key": "SERVICE"}]},
        {"Filter": {"And": [TAGGED]}},
        {"Filter": {**TAGGED, "Not": TAGGED}},
        {"GroupBy": [{"Type": "DIMENSION", "Key": key} for key in ("SERVICE", "USAGE_TYPE", "REGION")]},
        {"TimePeriod": {"Start": "2020-01-01", "End": "2020-01-02"}},
        {"TimePeriod": {"Start": "2199-01-01", "End": "2199-01-02"}},
        {"TimePeriod": {"Start": "2026-01-02", "End": "2026-01-02"}},
    ],
)
def test_a_question_that_does_not_fit_is_refused(client, today, more):
    with pytest.raises(ClientError, match="ValidationException"):
        ask(client, today, **more)
