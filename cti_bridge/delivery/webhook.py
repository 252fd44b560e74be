"""Webhooks: the CloudEvents event as it is, signed by the Standard Webhooks scheme."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

from standardwebhooks import Webhook

from cti_bridge.delivery.http_post import Poster
from cti_bridge.delivery.outbox import Entry
from cti_bridge.delivery.reports import ReportType
from cti_bridge.delivery.verdict import Verdict


class WebhookSink:
    """Posts events to one address; `secret` is `whsec_` and base64, as the receiver has it."""

    types = frozenset(ReportType)
    customers_only = False

    def __init__(
        self,
        name: str,
        url: str,
        secret: str,
        *,
        timeout_s: float,
        max_age_s: float,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.name = name
        self.max_age_s = max_age_s
        self._poster = Poster(url, timeout_s=timeout_s)
        self._signer = Webhook(secret)
        self._now = now

    async def send(self, entry: Entry) -> Verdict:
        """Send one event, signed anew at each attempt because the signature holds for five minutes only."""
        at = datetime.fromtimestamp(int(self._now()), UTC)
        headers = {
            "Content-Type": "application/cloudevents+json; charset=utf-8",
            "webhook-id": entry.key,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": self._signer.sign(entry.key, at, entry.body),
        }
        return await self._poster.post(entry.body.encode(), headers)

    async def close(self) -> None:
        """Close the connections."""
        await self._poster.close()
