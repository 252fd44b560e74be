"""How the generic CRM is opened from its part of the settings, and an example of that."""

import ssl
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from cti_bridge.crm.generic.access_model import AuthModel
from cti_bridge.crm.generic.adapter import GenericCrm
from cti_bridge.crm.generic.compiled import plan_of
from cti_bridge.crm.generic.login import ClientCredentials, FixedLogin, Login, basic
from cti_bridge.crm.generic.model import GenericModel
from cti_bridge.crm.links import Links
from cti_bridge.crm.pace import Pace
from cti_bridge.crm.web_client import WebClient
from cti_bridge.domain.customer import StageList
from cti_bridge.settings_model import Misfit, read_secret, trusted_by

__all__ = ["SETTINGS_EXAMPLE", "GenericModel", "opened"]

SETTINGS_EXAMPLE = """\
crm:
  # Any CRM with an HTTP interface: what to ask, and JMESPath (jmespath.org) for where the answer has what. Change the
  # addresses and the expressions, then `cti-bridge check`, and `cti-bridge crm check` with a customer's number.
  kind: generic
  url: https://crm.example/api/v1
  auth:
    # Or basic: {username: cti, secret_file: …}, or oauth2: {token_url: …, client_id: …, secret_file: …}
    header: {name: X-Api-Key, secret_file: crm.key}
  # So often it may be asked in a second; look-ups go before reports.
  rate: {per_second: 10, burst: 20}
  # Who has the number? {e164} is +74950000150, {digits} 74950000150, {national10} 4950000150, {national} 84950000150.
  find:
    path: /customers
    query: {phone: "{e164}"}
    # nobody: [404]      # where it says so that nobody has the number; an empty list is nobody anyway
    customers: "items"
    # With `numbers` only who really has the caller's number counts, whatever else the CRM finds.
    customer: {id: id, name: name, numbers: "phones[].value", responsible: manager}
    # The deals inside a customer; where they take a request of their own, see `deals` in docs/crm/generic.md.
    deals: "deals"
    deal: {id: id, title: title, stage: status, amount: amount, changed_at: updated_at}
  # The stages of the rules, and what the CRM calls them where that is something else; `final` ones are over.
  stages:
    - {id: offer_preparing, in_crm: [new, in work], name: "готовим предложение", order: 10}
    - {id: offer_sent, in_crm: [offer], name: "предложение отправлено", order: 20}
    - {id: awaiting_payment, in_crm: [billed], name: "ждёт оплату", order: 30}
    - {id: paid, name: "оплачено", order: 40}
    - {id: in_production, name: "в работе", order: 50}
    - {id: delivery, name: "доставка", order: 60}
    - {id: installation, name: "монтаж", order: 70}
    - {id: closed, in_crm: [won, archived], name: "закрыта, выполнена", order: 80, final: true}
    - {id: lost, name: "закрыта, не состоялась", order: 90, final: true}
  # What the CRM is told when a call is over; `started`, `answered` and `updated` can be told as well. What it may be
  # told twice has the same {report_id}.
  report:
    ended:
      method: POST
      path: /customers/{customer_id}/calls
      headers: {Idempotency-Key: "{report_id}"}
      body: {call: "{call}", outcome: "{outcome}", seconds: "{talked_s}", user: "{user}", at: "{started_at}"}
"""


def opened(
    model: GenericModel,
    *,
    region: str,
    stages: StageList | None,
    folder: Path,
    data_dir: Path,
    links: Links,
    clock: Callable[[], float] = time.time,
) -> GenericCrm:
    """The CRM that the settings describe; nothing is connected yet. Raises Misfit for a secret that is not there."""
    tls = trusted_by(model.tls_ca, folder, ("crm", "tls_ca")) if model.tls_ca else None
    rate = model.rate
    return GenericCrm(
        plan_of(model, region),
        WebClient(model.url, tls=tls, pace=Pace(rate.per_second, rate.burst, rate.kept)),
        _login(model.auth, folder, data_dir, tls, clock),
        links,
        stages=stages,
        within_s=model.timeout,
    )


def _login(
    auth: AuthModel | None, folder: Path, data_dir: Path, tls: ssl.SSLContext | None, clock: Callable[[], float]
) -> Login:
    at = ("crm", "auth")
    if auth is None:
        return FixedLogin({})
    if auth.header is not None:
        secret = read_secret(auth.header, folder, (*at, "header"))
        return FixedLogin({auth.header.name: _sendable(auth.header.prefix + secret, (*at, "header"))})
    if auth.basic is not None:
        return basic(auth.basic.username, read_secret(auth.basic, folder, (*at, "basic")))
    oauth2 = auth.oauth2
    assert oauth2 is not None, "AuthModel lets nothing else through"
    signs_in = urlsplit(oauth2.token_url)
    return ClientCredentials(
        WebClient(f"{signs_in.scheme}://{signs_in.netloc}", tls=tls),
        signs_in.path,
        client_id=oauth2.client_id,
        secret=read_secret(oauth2, folder, (*at, "oauth2")),
        scope=oauth2.scope,
        params=oauth2.params,
        in_form=oauth2.client_auth == "form",
        kept_in=data_dir / "crm-generic-token.json",
        clock=clock,
    )


def _sendable(text: str, at: tuple[str, ...]) -> str:
    """A secret that is to be sent in a header. Raises Misfit when it cannot be."""
    if not text.isascii() or not text.isprintable():
        raise Misfit(at, "the secret is sent in a header: only printable ASCII may be in it")
    return text
