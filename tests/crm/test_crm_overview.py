"""The table of CRMs in the documentation says what the adapters declare with everything of theirs switched on."""

import re
from pathlib import Path

import pytest
from customer_files import write

from cti_bridge.crm.kinds import EMBEDDED, KINDS
from cti_bridge.crm.port import MOMENTS, Capability
from cti_bridge.crm_opening import crm_of
from cti_bridge.settings import load_settings

DOCS = Path(__file__).resolve().parents[2] / "docs"
ROW = re.compile(r"^\| \[`([a-z0-9]+)`\]\(\1\.md\) \|" + r" ([^|]+) \|" * 5 + "$", re.MULTILINE)
RECORDINGS = "recordings: {url: https://pbx.example/rec}"
POSTED = "{method: POST, path: /calls, body: {call: '{call}'}}"
EVERYTHING = {
    EMBEDDED: "",
    "sql": """\
  engine: postgresql
  database: crm
  user: cti
  secret_file: a.secret
  report_strangers: true
  queries:
    find: SELECT id AS customer_id, name FROM people WHERE number = :number
    report: INSERT INTO calls VALUES (:key)
""",
    "tryton": """\
  url: https://crm.example
  database: crm
  user: cti
  secret_file: a.secret
  strangers: leads
""",
    "generic": f"""\
  url: https://crm.example
  find: {{path: /who, query: {{phone: "{{e164}}"}}, customers: items, customer: {{id: id, name: name}}}}
  report:
    strangers: true
    started: {POSTED}
    answered: {POSTED}
    ended: {POSTED}
    updated: {POSTED}
""",
    "bitrix24": f"""\
  application:
    portal: https://crm.example
    client_id: local.1
    client: {{secret_file: a.secret}}
    code: {{secret_file: a.secret}}
    user: 1
    {RECORDINGS}
""",
    "amocrm": f"  url: https://crm.example\n  token: {{secret_file: a.secret}}\n  unsorted: 1\n  {RECORDINGS}\n",
    "vtiger": """\
  url: https://crm.example
  user: cti
  secret_file: a.secret
  phone_calls: {secret_file: a.secret}
""",
}
"""Settings of each kind that leave nothing out."""


def rows() -> dict[str, tuple[str, ...]]:
    """The cells of the table, by kind: for, tried on, told, strangers, mirror."""
    return {kind: tuple(cells) for kind, *cells in ROW.findall((DOCS / "crm" / "README.md").read_text("utf-8"))}


async def capabilities(kind: str, folder: Path) -> frozenset[Capability]:
    """All that this kind can do when everything is switched on."""
    for file in ("ami.secret", "a.secret"):
        write(folder / file, "geheim\n")
    text = f"pbxes: [{{ami: {{secret_file: ami.secret}}}}]\ncrm:\n  kind: {kind}\n{EVERYTHING[kind]}"
    crm = crm_of(load_settings(write(folder / "cti-bridge.yaml", text)))
    await crm.close()
    return crm.capabilities


def test_the_overview_has_every_kind_of_crm_and_says_which_can_be_mirrored() -> None:
    mirrored = {kind for kind, cells in rows().items() if cells[-1] == "yes"}
    assert list(rows()) == list(KINDS)
    assert mirrored == {kind for kind in KINDS if KINDS[kind].model.can_be_mirrored}


@pytest.mark.parametrize("kind", KINDS)
async def test_the_overview_says_what_of_a_call_each_is_told(kind: str, tmp_path: Path) -> None:
    _, _, told, strangers, _ = rows()[kind]
    can = await capabilities(kind, tmp_path)
    named = {moment for moment in MOMENTS if told.startswith("all four") or f"`{moment.name.lower()}`" in told}
    assert named == {moment for moment, capability in MOMENTS.items() if capability in can}
    assert (strangers != "no") == (Capability.REPORT_STRANGERS in can)
