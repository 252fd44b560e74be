"""Which numbers operators may have called, how often, and which number is shown there."""

import time
from collections.abc import Callable, Collection

import phonenumbers

from cti_bridge.domain.ids import OperatorId
from cti_bridge.domain.number import NumberKind, parse_number
from cti_bridge.operators.command_list import CommandRefused
from cti_bridge.operators.desk_settings import OutboundSettings
from cti_bridge.operators.token_bucket import TokenBucket

MAX_BUCKETS = 10_000


class NumbersOutside:
    """Judges a number that an operator wants called. Every refusal is a CommandRefused."""

    def __init__(
        self,
        settings: OutboundSettings,
        *,
        region: Callable[[], str],
        lines: Callable[[], Collection[str]],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """`region` says how national numbers are read; `lines` are our own numbers, in E.164; `now` is monotonic."""
        self._settings = settings
        self._region = region
        self._lines = lines
        self._now = now
        self._buckets: dict[OperatorId, TokenBucket] = {}

    def allowed(self, operator: OperatorId, number: str, can_dial: bool) -> str:
        """The number in E.164, if this operator may have it called now; it is counted."""
        if not can_dial:
            raise CommandRefused(
                "not_possible", "the PBX has no context for calls outside; see `cti-bridge operators check`"
            )
        read = parse_number(number, region=self._region())
        if read.kind is NumberKind.INTERNAL:
            raise CommandRefused("not_possible", "short numbers and emergency calls are dialled on the phone itself")
        if read.e164 is None:
            raise CommandRefused("not_possible", "this is not a number that can be called")
        if not self._may_be_called(read.e164):
            raise CommandRefused("not_allowed", "numbers with this beginning are not called from here")
        if not self._within_limit(operator):
            raise CommandRefused("busy", "too many calls in the last minute; wait a moment")
        return read.e164

    def line(self, wanted: str) -> str:
        """The number that is shown outside, in E.164: the wanted one, if it is ours, else the one of the settings."""
        if not wanted:
            return self._settings.line
        if wanted not in self._lines():
            raise CommandRefused("not_found", "the rules have no such line")
        return wanted

    def _may_be_called(self, e164: str) -> bool:
        """Without settings: the own country's, not its neighbours' with the same code, and nothing that costs extra."""
        if self._settings.prefixes:
            return e164.startswith(self._settings.prefixes)
        number = phonenumbers.parse(e164)
        is_ours = phonenumbers.is_valid_number_for_region(number, self._region())
        return is_ours and phonenumbers.number_type(number) != phonenumbers.PhoneNumberType.PREMIUM_RATE

    def _within_limit(self, operator: OperatorId) -> bool:
        now, most = self._now(), self._settings.per_minute
        bucket = self._buckets.get(operator)
        if bucket is None:
            if len(self._buckets) >= MAX_BUCKETS:
                self._buckets.clear()
            bucket = self._buckets[operator] = TokenBucket(most / 60, most, now)
        return bucket.take(now)
