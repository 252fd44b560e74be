"""Every CRM has stages of its own: rules name those, or others that settings lead to, and a mistake is told early."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from customer_files import write
from empty_crm import EmptyCrm
from small_crm import BLOCK, RULES, SHIPPED_WORDS, STAGES, small_crm

from cti_bridge.cli.main import main
from cti_bridge.crm.lookup import Lookup
from cti_bridge.crm.port import Capability, Crm, CrmUnavailable
from cti_bridge.crm.stages import Stages
from cti_bridge.crm_opening import crm_of
from cti_bridge.domain.customer import SHIPPED_STAGES, Deal, Stage, StageList
from cti_bridge.domain.ids import DealId
from cti_bridge.domain.number import parse_number
from cti_bridge.routing.facts import open_deals
from cti_bridge.settings import SettingsError, load_settings

AMI = "data_dir: .\npbxes: [{ami: {secret_file: ami.secret}}]\n"


@pytest.fixture
def crm() -> Iterator[str]:
    with small_crm() as url:
        yield url


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Write settings with this `crm:` block, and run a command: exit code, stdout, stderr."""
    write(tmp_path / "ami.secret", "geheim\n")
    write(tmp_path / "routing.yaml", RULES)

    def command(block: str, *words: str) -> tuple[int, str, str]:
        code = main([*words, "--config", str(write(tmp_path / "cti-bridge.yaml", AMI + block))])
        return code, *capsys.readouterr()

    return command


def with_stages(url: str) -> str:
    """The CRM, with the stages of the settings in place of its own."""
    return BLOCK.format(url=url).partition("  stage_list:")[0] + SHIPPED_WORDS


def shipped_rules(folder: Path) -> None:
    repository = Path(__file__).resolve().parents[2]
    write(folder / "routing.yaml", (repository / "config" / "routing.yaml").read_text("utf-8"))


def test_check_names_a_stage_that_the_crm_does_not_have_and_those_that_it_has(
    crm: str, run: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    block = BLOCK.format(url=crm)
    code, out, _ = run(block, "check")
    assert code == 0, out
    write(tmp_path / "routing.yaml", RULES.replace('["N:BILL"]', "[paid]"))
    code, out, err = run(block, "check")
    assert code == 1
    assert "the stages are those of the CRM (generic): `cti-bridge crm check --stages` prints them" in err
    assert "routing.yaml:5:39: stage `paid` is not in the stage list (known: N:NEW, N:BILL, N:WON)" in out


def test_the_shipped_rules_are_good_for_any_crm_whose_stages_are_led_to_theirs(
    crm: str, run: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    shipped_rules(tmp_path)
    code, out, _ = run(BLOCK.format(url=crm), "check")
    assert code == 1
    assert "stage `awaiting_payment` is not in the stage list" in out
    code, out, _ = run(with_stages(crm), "check")
    assert code == 0, out


def test_a_crm_that_cannot_be_asked_makes_no_stage_a_mistake(
    run: Callable[..., tuple[int, str, str]],
) -> None:
    nowhere = BLOCK.format(url="http://127.0.0.1:9")
    code, out, err = run(nowhere, "check")
    assert code == 0, out
    assert "the CRM (generic) was not asked for its stages, so those of the rules are not checked: " in err
    for words in (["check", "--offline"], ["rules", "test"]):
        code, out, err = run(nowhere, *words)
        assert code == 0, out + err


def test_the_call_is_explained_by_the_stage_that_the_rules_name(
    crm: str, run: Callable[..., tuple[int, str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cti_bridge.cli.explain._PATIENCE_S", 30.0)
    monkeypatch.setattr("cti_bridge.crm.lookup._LATE_LIMIT_S", 30.0)
    code, out, _ = run(BLOCK.format(url=crm), "explain", "--caller", "84950000301")
    assert (code, "sales" in out) == (0, True)
    shipped_rules(tmp_path)
    for words in (["--caller", "84950000301"], ["--given", "deal.stage=awaiting_payment"]):
        code, out, err = run(with_stages(crm), "explain", *words)
        assert code == 0, err
        assert "awaiting_payment" in out
    code, out, _ = run(with_stages(crm), "crm", "lookup", "84950000301")
    assert (code, "ждёт оплату" in out) == (0, True)


def test_its_stages_are_printed_as_the_settings_take_them(
    crm: str, run: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    code, printed, err = run(BLOCK.format(url=crm), "crm", "check", "--stages")
    assert (code, err) == (0, "")
    assert '    - {id: "N:BILL", in_crm: ["N:BILL"], name: "Счёт выставлен", order: 1}\n' in printed
    block = BLOCK.format(url=crm).partition("  stage_list:")[0] + printed
    settings = load_settings(write(tmp_path / "cti-bridge.yaml", AMI + block))
    assert settings.crm.stages == StageList(
        tuple(Stage(id_, name, order, final) for order, (id_, name, final) in enumerate(STAGES))
    )
    code, printed_again, _ = run(with_stages("http://127.0.0.1:9"), "crm", "check", "--stages")
    assert (code, printed_again) == (2, "")


def test_deals_in_a_stage_that_the_settings_leave_out_are_told_of(
    run: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    """The embedded CRM keeps the stages of its latest import."""
    own = "crm:\n  stages:\n    - {id: a, name: А, order: 1}\n    - {id: b, name: Б, order: 2}\n"
    write(tmp_path / "customers.csv", "name,number,stage\nВера,84950000303,b\n")
    assert run(own, "crm", "import", str(tmp_path / "customers.csv"))[0] == 0
    fewer = "crm:\n  stages:\n    - {id: anew, in_crm: [a], name: А, order: 1}\n"
    assert "b (not in the list of stages: counts as closed)" in run(fewer, "crm", "lookup", "84950000303")[1]
    assert "not in the list" not in run(own, "crm", "lookup", "84950000303")[1]
    code, out, _ = run(fewer, "crm", "check")
    assert code == 0
    assert "not in crm.stages, so deals there are not seen: b" in out
    code, out, _ = run(fewer.replace("[a]", "[a, c]"), "crm", "check")
    assert code == 1
    assert "MISSING  the stages of a deal          in crm.stages, and not in the CRM: c" in out


def test_a_stage_of_the_rules_that_the_crm_does_not_have_is_nothing_missing(
    run: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    own = "crm:\n  stages:\n    - {id: a, name: А, order: 1}\n"
    write(tmp_path / "customers.csv", "name,number,stage\nВера,84950000303,a\n")
    assert run(own, "crm", "import", str(tmp_path / "customers.csv"))[0] == 0
    code, out, _ = run(own + "    - {id: delivery, in_crm: [], name: доставка, order: 2}\n", "crm", "check")
    assert code == 0, out
    code, out, _ = run(own + "    - {id: delivery, name: доставка, order: 2}\n", "crm", "check")
    assert code == 1
    assert "not in the CRM: delivery (where that is meant: `in_crm: []`)" in out


@pytest.mark.parametrize(
    ("stages", "complaint"),
    [
        (
            "[{id: a, in_crm: [x, y], name: a, order: 1}, {id: b, in_crm: [y], name: b, order: 2}]",
            "two stages mean `y`",
        ),
        ("[{id: a, name: a, order: 1}, {id: b, in_crm: [a], name: b, order: 2}]", "two stages mean `a` of the CRM"),
        ('[{id: a, in_crm: [""], name: a, order: 1}]', "`in_crm`"),
        ("[{id: a, in_crm: x, name: a, order: 1}]", "`in_crm` must be a list"),
    ],
)
def test_stages_that_mean_two_things_are_a_mistake(stages: str, complaint: str, tmp_path: Path) -> None:
    write(tmp_path / "ami.secret", "geheim\n")
    with pytest.raises(SettingsError) as caught:
        load_settings(write(tmp_path / "cti-bridge.yaml", f"{AMI}crm:\n  stages: {stages}\n"))
    assert "cti-bridge.yaml:4:" in str(caught.value)
    assert complaint in str(caught.value)


async def test_a_caller_is_found_with_his_deal_in_the_words_of_the_rules(crm: str, tmp_path: Path) -> None:
    write(tmp_path / "ami.secret", "geheim\n")
    settings = load_settings(write(tmp_path / "cti-bridge.yaml", AMI + with_stages(crm)))
    cloud = crm_of(settings)
    lookup = Lookup(cloud, deadline_s=20.0, stage_words=settings.crm.stage_words)
    found = [await lookup.find(parse_number(f"+7495000030{last}", region="RU")) for last in (1, 2)]
    assert [record.deals[0].stage for answer in found for record in answer.records] == ["awaiting_payment", "closed"]
    await lookup.close()
    await cloud.close()


# Before the CRM has named its stages ----------------------------------------------------------------------------------


class Funnel(EmptyCrm):
    """A CRM that can name its stages, when it is there."""

    capabilities = frozenset({Capability.STAGES})

    def __init__(self) -> None:
        self.there = False
        self.own = StageList((Stage("N:NEW", "Новая", 1), Stage("N:WON", "Успех", 2, final=True)))

    async def stages(self) -> StageList:
        if not self.there:
            raise CrmUnavailable("it is away")
        return self.own


async def test_until_the_crm_has_named_its_stages_any_may_be_one_and_then_only_those() -> None:
    crm: Crm = (funnel := Funnel())
    stages = Stages(None, replace(SHIPPED_STAGES, open_ended=True))
    deals = [Deal(DealId(stage), "", stage) for stage in ("N:NEW", "N:WON", "")]
    await stages.ask(crm, within_s=20)
    assert [deal.id for deal in open_deals(deals, stages.current)] == ["N:NEW", "N:WON"]
    funnel.there = True
    await stages.ask(crm, within_s=20)
    assert [deal.id for deal in open_deals(deals, stages.current)] == ["N:NEW"]
    funnel.there = False
    await stages.ask(crm, within_s=20)
    assert stages.current == funnel.own


async def test_a_crm_that_is_not_made_to_name_stages_has_the_shipped_ones() -> None:
    stages = Stages(None, replace(SHIPPED_STAGES, open_ended=True))
    await stages.ask(EmptyCrm(), within_s=20)
    assert stages.current == SHIPPED_STAGES
