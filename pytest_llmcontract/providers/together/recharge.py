"""Auto-recharge: credits that are bought by themselves when the balance falls below a threshold.

Until 2026-04-22 in steps of an amount until the threshold is met; since then in one charge, up to a target.
"""

from __future__ import annotations

from decimal import Decimal

from pytest_llmcontract.core.errors import PaymentDeclined
from pytest_llmcontract.core.money.account import shown
from pytest_llmcontract.providers.together.dialect import TogetherDialect
from pytest_llmcontract.providers.together.funds import Funds


class Recharge:
    """The rule of one account; off until it is set."""

    def __init__(self, funds: Funds, terms: TogetherDialect) -> None:
        self._funds = funds
        self._terms = terms
        self._buying = False
        self.amount = self.threshold = Decimal(0)

    @property
    def is_on(self) -> bool:
        return bool(self.amount)

    def set(self, amount: Decimal, threshold: Decimal) -> None:
        self.amount, self.threshold = amount, threshold

    def watch(self) -> None:
        """The balance has changed: buy what is missing. A declined card ends it until it is set anew (assumed)."""
        if self._buying or not self.is_on:
            return
        self._buying = True
        try:
            while self.is_on and self._funds.balance < self.threshold:
                self._funds.buy(self._next(), "auto-recharge")
                if self._terms.recharge_to_target:
                    break
        except PaymentDeclined:
            self.amount = Decimal(0)
            self._funds.tell("recharge_off", Decimal(0), "Auto-recharge is off: the card was declined.")
        finally:
            self._buying = False

    def _next(self) -> Decimal:
        if not self._terms.recharge_to_target:
            return self.amount
        missing = self.amount - self._funds.balance
        return max(missing, self._terms.minimum_purchase)

    def words(self) -> str:
        """What it does, for people."""
        if not self.is_on:
            return "Auto-recharge is off."
        how = "up to" if self._terms.recharge_to_target else "in steps of"
        return f"Below {shown(self.threshold)} credits are bought {how} {shown(self.amount)}."
