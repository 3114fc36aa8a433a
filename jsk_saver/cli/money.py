"""Amounts of money in words and tables."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from jsk_saver.display import Column

#: What stands where nobody tells an amount: nothing is guessed.
UNKNOWN = "unknown"

#: Below it, four digits would show nothing.
SMALLEST = 0.00005


def money(amount: float | Decimal, currency: str = "USD") -> str:
    """Return an amount as people write it; what is less than a cent with four digits.

    Examples
    --------
    >>> money(1234.5), money(0.0042), money(0), money(-3), money(2, "CNY"), money(1e-6)
    ('$1,234.50', '$0.0042', '$0.00', '-$3.00', 'CNY 2.00', '<$0.0001')
    """
    value = abs(float(amount))
    if 0 < value < SMALLEST:
        return f"<{money(0.0001, currency)}"
    digits = 4 if 0 < value < 0.01 else 2
    sign = "-" if amount < 0 else ""
    return f"{sign}{'$' if currency == 'USD' else currency + ' '}{value:,.{digits}f}"


def amounts(key: str, title: str, digits: int = 2) -> Column:
    """Return a column of amounts."""
    return Column(key, "money", title=title, digits=digits)


def cell(amount: float | None) -> Any:
    """Return what a table shows of an amount."""
    if amount is None:
        return UNKNOWN
    return "<0.0001" if 0 < amount < SMALLEST else amount
