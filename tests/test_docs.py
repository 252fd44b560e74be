"""The documentation checked against the product: commands, settings, metrics, log lines, variables, links, examples."""

import argparse
import asyncio
import json
import re
import shlex
import sys
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
from pydantic import BaseModel

from cti_bridge.calls.record import CallRecord
from cti_bridge.cli.columns_file import read_columns_file
from cti_bridge.cli.main import parser
from cti_bridge.crm.kinds import EMBEDDED, KINDS
from cti_bridge.domain.customer import SHIPPED_STAGES
from cti_bridge.domain.ids import CallId, ChannelId
from cti_bridge.reception.written import story
from cti_bridge.routing.load import load_rules
from cti_bridge.settings import load_settings
from cti_bridge.settings_model import CrmPart
from cti_bridge.settings_schema import file_model

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
OPERATIONS = (ROOT / "docs" / "operations.md").read_text("utf-8")
PAGES = sorted([README, ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
PAGES_IN_TESTS = [pytest.param(page, id=page.relative_to(ROOT).as_posix()) for page in PAGES]


@dataclass(frozen=True)
class Fence:
    """A fenced block of a page."""

    page: Path
    language: str
    text: str


def fences(language: str) -> list[Fence]:
    pattern = re.compile(r"^( *)```(\w+)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
    found = []
    for page in PAGES:
        for indent, name, text in pattern.findall(page.read_text("utf-8")):
            plain = "".join(line.removeprefix(indent) for line in text.splitlines(keepends=True))
            found.append(Fence(page, name, plain))
    return [fence for fence in found if fence.language == language]


def table(text: str, heading: str) -> list[list[str]]:
    """The cells of the first table below a heading, without its head."""
    below = re.split(rf"^#+ {re.escape(heading)}$", text, maxsplit=1, flags=re.MULTILINE)[1]
    block = re.search(r"(?:^\|.*\n)+", below, re.MULTILINE)
    assert block is not None
    rows = [re.split(r"(?<!\\)\|", line.strip())[1:-1] for line in block[0].splitlines()]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def in_code(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


# Commands -------------------------------------------------------------------------------------------------------------


def commands(of: argparse.ArgumentParser, path: tuple[str, ...] = ()) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    groups = [action for action in of._actions if isinstance(action, argparse._SubParsersAction)]
    for name, inner in groups[0].choices.items() if groups else ():
        yield from commands(inner, (*path, name))
    if not groups:
        yield " ".join(path), of


COMMANDS = dict(commands(parser()))


def documented_commands() -> dict[str, str]:
    """The row of the README's table for each command, by the command's words."""
    rows = {}
    for row in table(README.read_text("utf-8"), "Commands"):
        words = [word for word in in_code(row[0])[0].split()[1:] if word.islower()]
        rows[" ".join(words)] = " ".join(row)
    return rows


def test_the_readme_has_every_command_and_no_other() -> None:
    assert documented_commands().keys() == COMMANDS.keys()


@pytest.mark.parametrize("name", COMMANDS)
def test_the_readme_has_every_option_of_a_command_and_no_other(name: str) -> None:
    options = {text for action in COMMANDS[name]._actions for text in action.option_strings if text.startswith("--")}
    row = documented_commands()[name]

    assert set(re.findall(r"--[a-z-]+", row)) == options - {"--config", "--help"}
    for action in COMMANDS[name]._actions:
        if not action.option_strings:
            assert str(action.metavar) in in_code(row)[0]


def shell_lines() -> Iterator[str]:
    """Every command in the sh blocks and indented blocks of the pages."""
    for fence in fences("sh"):
        yield from fence.text.splitlines()
    for page in PAGES:
        yield from (line.strip() for line in page.read_text("utf-8").splitlines() if line.startswith("    "))


def test_every_command_in_an_example_can_be_typed() -> None:
    examples = {
        found[1].partition(" #")[0]
        for line in shell_lines()
        if (found := re.match(r"(?:runuser -u cti-bridge -- )?(cti-bridge [a-z].*)", line))
    }

    assert len(examples) >= 5
    for example in examples:
        parser().parse_args(shlex.split(example)[1:])


@pytest.mark.parametrize("page", PAGES_IN_TESTS)
def test_every_make_target_on_a_page_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = re.findall(r"(?:`|^    )make ([a-z]+)", page.read_text("utf-8"), re.MULTILINE)

    assert set(named) <= targets


# Settings -------------------------------------------------------------------------------------------------------------


def keys_of(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, bool]]:
    """Every key of a settings model with its path, and whether there are keys inside it."""
    for name, field in model.model_fields.items():
        inner, is_list = inner_model(field.annotation)
        path = f"{prefix}{name}"
        yield path, inner is not None
        if inner is not None:
            yield from keys_of(inner, f"{path}[]." if is_list else f"{path}.")


def inner_model(annotation: object) -> tuple[type[BaseModel] | None, bool]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, False
    for argument in typing.get_args(annotation):
        found, is_list = inner_model(argument)
        if found is not None:
            return found, is_list or typing.get_origin(annotation) in (tuple, list)
    return None, False


def test_the_settings_page_has_every_key_and_no_other() -> None:
    page = (ROOT / "docs" / "settings.md").read_text("utf-8")
    rows = re.findall(r"^\| `([a-z_.\[\]]+)` \|", page, re.MULTILINE)
    keys = dict(keys_of(file_model(EMBEDDED)))

    assert len(rows) == len(set(rows))
    assert set(rows) <= keys.keys()
    # A key that only holds others has a section or a row of its own, or is named by those inside it.
    assert {key for key, holds_others in keys.items() if not holds_others} <= set(rows)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != EMBEDDED])
def test_the_page_of_a_crm_has_every_key_of_its_own_and_no_other(kind: str) -> None:
    page = (ROOT / "docs" / "crm" / f"{kind}.md").read_text("utf-8")
    rows = re.findall(r"^\| `(crm\.[a-z0-9_.\[\]]+)` \|", page, re.MULTILINE)
    common = {f"crm.{name}" for name in CrmPart.model_fields}
    keys = {
        key: holds_others
        for key, holds_others in keys_of(KINDS[kind].model, "crm.")
        if key not in common and not key.startswith(("crm.stages[]", "crm.mirror."))
    }

    assert len(rows) == len(set(rows))
    assert set(rows) - common <= keys.keys()
    assert {key for key, holds_others in keys.items() if not holds_others} <= set(rows)


@pytest.mark.parametrize("fence", [pytest.param(fence, id=fence.page.name) for fence in fences("yaml")])
def test_every_yaml_example_loads(fence: Fence, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if fence.text.startswith("columns:"):
        (tmp_path / "columns.yaml").write_text(fence.text, "utf-8")
        assert read_columns_file(tmp_path / "columns.yaml", SHIPPED_STAGES).plan.headers
        return
    if fence.text.startswith("crm:"):
        for file in ("ami.secret", *re.findall(r"^[^#\n]*secret_file: *([^ ,}\n]+)", fence.text, re.MULTILINE)):
            (tmp_path / file).write_text("geheim\n")
        least = "pbxes: [{ami: {secret_file: ami.secret}}]\n"
        (tmp_path / "cti-bridge.yaml").write_text(least + fence.text, "utf-8")
        assert load_settings(tmp_path / "cti-bridge.yaml").crm.kind in KINDS
        return
    if "pbxes:" not in fence.text:
        assert load_rules(fence.text, stages=SHIPPED_STAGES)
        return
    monkeypatch.setenv("CTI_AMI_SECRET", "geheim")
    (tmp_path / "ami.secret").write_text("geheim\n")
    (tmp_path / "cti-bridge.yaml").write_text(fence.text, "utf-8")

    assert load_settings(tmp_path / "cti-bridge.yaml").pbx.ami.secret == "geheim"


def test_the_shipped_settings_load_and_have_the_values_of_the_page(tmp_path: Path) -> None:
    (tmp_path / "ami.secret").write_text("geheim\n")
    (tmp_path / "cti-bridge.yaml").write_text((ROOT / "config" / "cti-bridge.yaml").read_text("utf-8"), "utf-8")
    (tmp_path / "least.yaml").write_text("pbxes: [{ami: {secret_file: ami.secret}}]\n", "utf-8")
    shipped, least = load_settings(tmp_path / "cti-bridge.yaml"), load_settings(tmp_path / "least.yaml")

    assert (shipped.data_dir, shipped.rules, shipped.crm, shipped.web) == (
        least.data_dir,
        least.rules,
        least.crm,
        least.web,
    )
    page = (ROOT / "docs" / "settings.md").read_text("utf-8")
    for key, value in {
        "data_dir": least.data_dir,
        "pbxes[].ami.port": least.pbx.ami.port,
        "pbxes[].agi.port": least.pbx.agi.port,
        "web.public.port": least.web.public_port,
        "web.private.port": least.web.private_port,
    }.items():
        assert re.search(rf"^\| `{re.escape(key)}` \|.*\| `{value}` \|$", page, re.MULTILINE), key


def test_the_stages_on_the_page_are_the_shipped_ones(tmp_path: Path) -> None:
    examples = [fence for fence in fences("yaml") if fence.page.name == "settings.md" and "stages:" in fence.text]
    (tmp_path / "ami.secret").write_text("geheim\n")
    loaded = []
    for example in examples:
        (tmp_path / "cti-bridge.yaml").write_text(example.text, "utf-8")
        loaded.append(load_settings(tmp_path / "cti-bridge.yaml").crm)

    shipped, led_to_them = loaded
    assert shipped.stages == SHIPPED_STAGES
    assert led_to_them.stages == SHIPPED_STAGES
    assert led_to_them.stage_words["C1:PREPAYMENT_INVOICE"] == "awaiting_payment"


def test_the_systemd_unit_writes_where_the_shipped_settings_say() -> None:
    unit = (ROOT / "config" / "cti-bridge.service").read_text("utf-8")
    data_dir = re.search(r"^data_dir: (\S+)", (ROOT / "config" / "cti-bridge.yaml").read_text("utf-8"), re.MULTILINE)

    assert data_dir is not None
    assert f"ReadWritePaths={data_dir[1]}\n" in unit
    assert "ExecReload=/bin/kill -HUP $MAINPID\n" in unit


# What the daemon shows ------------------------------------------------------------------------------------------------


async def exposed_metrics(folder: Path) -> str:
    """What `/metrics` of a real daemon says; it finds neither Asterisk nor CRM."""
    (folder / "ami.secret").write_text("geheim\n")
    settings = {
        "data_dir": "data",
        "rules": str(ROOT / "config" / "routing.yaml"),
        "pbxes": [{"ami": {"port": 1, "secret_file": "ami.secret"}, "agi": {"port": 0}}],
        "web": {"public": {"port": 0}, "private": {"port": 0}},
        "log": {"format": "json"},
    }
    (folder / "cti-bridge.yaml").write_text(json.dumps(settings), "utf-8")
    daemon = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "cti_bridge", "run", "--config", str(folder / "cti-bridge.yaml"),
        cwd=ROOT, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert daemon.stderr is not None
    try:
        async with asyncio.timeout(30):
            line: dict[str, object] = {}
            while line.get("event") != "running":
                line = json.loads(await daemon.stderr.readline())
            async with aiohttp.ClientSession() as http, http.get(f"http://127.0.0.1:{line['private']}/metrics") as got:
                return await got.text()
    finally:
        daemon.terminate()
        await daemon.communicate()


@pytest.mark.slow
async def test_the_operations_page_has_every_metric_and_no_other(tmp_path: Path) -> None:
    kinds = re.findall(r"^# TYPE (\S+) (\S+)$", await exposed_metrics(tmp_path), re.MULTILINE)
    exposed = {name for name, kind in kinds if not (kind == "gauge" and name.endswith("_created"))}

    assert {in_code(row[0])[0] for row in table(OPERATIONS, "Metrics")} == exposed


def test_every_bound_is_counted_by_metrics_that_exist() -> None:
    bounds = table((ROOT / "docs" / "architecture.md").read_text("utf-8"), "Bounds")
    named = {name for row in bounds for name in in_code(row[3])}

    assert len(named) >= 10
    assert all(row[1] and row[2] for row in bounds), "a bound, and what happens there"
    assert named <= {in_code(row[0])[0] for row in table(OPERATIONS, "Metrics")}


def test_metrics_named_elsewhere_are_on_the_operations_page() -> None:
    known = {in_code(row[0])[0] for row in table(OPERATIONS, "Metrics")}
    for page in PAGES:
        assert set(re.findall(r"`(cti_[a-z_]+_(?:total|seconds))`", page.read_text("utf-8"))) <= known, page


def test_the_operations_page_explains_every_field_of_the_line_of_a_call() -> None:
    call = CallRecord(CallId("main-1"), "main", ChannelId("1"), "1", 0.0, "+74950000150", "external", "", "", "", False)
    fields = [name for row in table(OPERATIONS, "One line per call") for name in in_code(row[0])]

    assert set(fields) == story(call).keys()
    example = re.search(r'^ +(\{"timestamp".*?\})$', OPERATIONS, re.MULTILINE | re.DOTALL)
    assert example is not None
    assert json.loads(example[1]).keys() == {"timestamp", "level", "event", *fields}


def test_the_operations_page_has_every_log_event_and_no_other() -> None:
    call = re.compile(r'\blog\.(?:debug|info|warning|error|exception)\(\s*"([a-z_.]+)"')
    logged = {event for path in (ROOT / "cti_bridge").rglob("*.py") for event in call.findall(path.read_text("utf-8"))}
    described = {event for row in table(OPERATIONS, "The other lines") for event in in_code(row[0])}

    assert described | {"call"} == logged


# Dialplan -------------------------------------------------------------------------------------------------------------


def variables(text: str) -> set[str]:
    """The names of channel variables in a text; steps count as one, whichever number they have."""
    names = re.sub(r"(?<=CTI_STEP_)(?:\$?\{\w+\}|<\w>|\d)(?=_)", "n", text)
    return {name for name in re.findall(r"\bCTI_[A-Za-z0-9_]*[A-Za-z0-9]", names) if name != "CTI_STEP"}


@pytest.mark.parametrize("source", ["dialplan/cti-bridge.conf", "cti_bridge/asterisk/dialplan.py"])
def test_the_dialplan_page_has_every_variable(source: str) -> None:
    page = (ROOT / "docs" / "dialplan.md").read_text("utf-8")

    assert variables((ROOT / source).read_text("utf-8")) - variables(page) == set()


# Links ----------------------------------------------------------------------------------------------------------------


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as forges make them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES_IN_TESTS)
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        if link.startswith(("https://", "http://")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


def test_every_decision_record_is_in_the_list() -> None:
    folder = ROOT / "docs" / "adr"
    listed = re.findall(r"\]\((\d{4}-[a-z-]+\.md)\)", (folder / "README.md").read_text("utf-8"))

    assert listed == sorted(path.name for path in folder.glob("0*.md"))


def test_the_pictures_are_small_enough_for_a_page_and_all_shown() -> None:
    pictures = {path.name: path.stat().st_size for path in (ROOT / "docs" / "images").glob("*.png")}

    assert max(pictures.values()) < 150_000
    shown = {name for page in PAGES for name in re.findall(r"images/([\w-]+\.png)\)", page.read_text("utf-8"))}
    assert shown == pictures.keys()
