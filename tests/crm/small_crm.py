"""A CRM of a few customers with stages of its own, over HTTP from a thread, so that commands can ask it as well."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit

STAGES = [("N:NEW", "Новая", False), ("N:BILL", "Счёт выставлен", False), ("N:WON", "Успех", True)]
"""Its stages: id, name, whether a deal is over then."""
CUSTOMERS = {
    "+74950000301": ("17", "Прохор Шумилов", "N:BILL"),
    "+74950000302": ("18", "Злата Берёзкина", "N:WON"),
}
"""Its customers by number: id, name, stage of their only deal."""
BLOCK = """\
crm:
  kind: generic
  url: {url}
  find:
    path: /customers
    query: {{phone: "{{e164}}"}}
    customers: customers
    customer: {{id: id, name: name}}
    deals: deals
    deal: {{id: id, stage: stage}}
  stage_list:
    path: /stages
    stages: stages
    stage: {{id: id, name: name, final: final}}
"""
"""The part of the settings for it; only one of `stage_list` and `stages` can be there."""
RULES = """\
version: 1
region: RU
timezone: Europe/Moscow
classes:
  - {name: sales, when: {deal.stage: ["N:BILL"]}}
  - {name: new}
queues: {primary-consult: {}, sales: {}}
rules:
  - {name: sales, when: {class: sales}, queue: sales}
default: {queue: primary-consult}
tests:
  - name: billed
    given: {deal.stage: "N:BILL"}
    expect: {rule: sales}
"""
"""Rules that name its stages."""
SHIPPED_WORDS = """\
  stages:
    - {id: offer_preparing, in_crm: ["N:NEW"], name: готовим предложение, order: 10}
    - {id: offer_sent, in_crm: ["N:SENT", "M:SENT"], name: предложение отправлено, order: 20}
    - {id: awaiting_payment, in_crm: ["N:BILL"], name: ждёт оплату, order: 30}
    - {id: paid, name: оплачено, order: 40}
    - {id: in_production, name: в работе, order: 50}
    - {id: delivery, name: доставка, order: 60}
    - {id: installation, name: монтаж, order: 70}
    - {id: closed, in_crm: ["N:WON"], name: закрыта, order: 80, final: true}
"""
"""The stages of the shipped rules, and what the CRM calls them."""


class _Door(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        number = parse_qs(asked.query).get("phone", [""])[0]
        answer = _stages() if asked.path == "/stages" else _customers(number)
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Nothing: what is asked of it is nobody's business."""


def _stages() -> object:
    return {"stages": [{"id": id_, "name": name, "final": final} for id_, name, final in STAGES]}


def _customers(number: str) -> object:
    if number not in CUSTOMERS:
        return {"customers": []}
    id_, name, stage = CUSTOMERS[number]
    return {"customers": [{"id": id_, "name": name, "deals": [{"id": f"d-{id_}", "stage": stage}]}]}


@contextmanager
def small_crm(port: int = 0) -> Iterator[str]:
    """Its address, until the end of the block."""
    server = ThreadingHTTPServer(("127.0.0.1", port), _Door)
    server.daemon_threads = False
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
