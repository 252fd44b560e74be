"""Files that are no rule files, or far too many rules: each is answered with one line, and none takes long or much."""

from pathlib import Path

import pytest

from cti_bridge.domain.customer import SHIPPED_STAGES
from cti_bridge.reception.rule_file import RulesUnreadable, read_rules
from cti_bridge.routing.judgement import RuleText, judge
from cti_bridge.routing.problems import MAX_PROBLEMS

HEAD = "version: 1\nqueues: {desk: {timeout: 5}}\ndefault: {queue: desk}\n"
HOSTILE = {
    "nothing": ("", "1:1: the file is empty"),
    "many keys": ("".join(f"k{n}: 1\n" for n in range(26_000)), "25000:9: more than 50000 values in the file"),
    "deep brackets": ("[" * 900_000, "1:34: nested deeper than 32 levels"),
    "deep dashes": ("- " * 400_000, "1:67: nested deeper than 32 levels"),
    "deep questions": ("? " * 400_000, "1:67: nested deeper than 32 levels"),
    "NUL": (HEAD + "\0" * 100_000, "4:1: this is not YAML: a character that text must not have"),
    "half a character": (HEAD + "region: \ud800", "4:9: this is not YAML: a character that text must not have"),
    "one character too many": ("#" * 1_000_001, "1:1: the file is larger than 1 MB"),
    "ten megabytes": ("я" * 10_000_000, "1:1: the file is larger than 1 MB"),
}


@pytest.mark.parametrize(("text", "said"), HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_rule_file_is_answered_in_one_line(text: str, said: str) -> None:
    assert judge(RuleText("r.yaml", text), None, SHIPPED_STAGES).complaints == (f"r.yaml:{said}",)


def test_a_file_of_nothing_but_mistakes_is_answered_in_bounds() -> None:
    wrong = "".join(f"wrong{number}: 1\n" for number in range(5000))

    lines = judge(RuleText("r.yaml", HEAD + wrong), None, SHIPPED_STAGES).complaints

    assert len(lines) == MAX_PROBLEMS + 1
    assert lines[-1].endswith("and 4900 more problems")


def test_of_a_file_that_is_too_large_no_more_is_read_than_shows_it(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text("x" + "\U0001f600" * 2_500_000, "utf-8")

    text = read_rules(tmp_path / "r.yaml")

    assert len(text) == 1_000_001
    assert judge(RuleText("r", text), None, None).complaints == ("r:1:1: the file is larger than 1 MB",)


def test_what_is_no_text_is_named_where_it_stands(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_bytes("version: 1\nлинии: ".encode() + b"\xff\n")

    with pytest.raises(RulesUnreadable, match=r"r\.yaml:2:8: not UTF-8 \(save it as UTF-8\)"):
        read_rules(tmp_path / "r.yaml")


@pytest.mark.slow
@pytest.mark.timeout(60)
def test_many_queues_and_many_misspelled_classes_are_judged_in_bounds() -> None:
    queues = "".join(f"  q{n}:\n" for n in range(20_000))
    classes = "".join(f"  - {{name: c{n}, when: {{deal.id: x{n}}}}}\n" for n in range(2_000))
    rules = "".join(f"  - {{name: r{n}, when: {{class: d{n}}}, queue: desk}}\n" for n in range(2_000))

    many = judge(RuleText("r", f"version: 1\nqueues:\n{queues}default: {{queue: q1}}\n"), None, None)
    misspelled = judge(RuleText("r", f"{HEAD}classes:\n{classes}rules:\n{rules}"), None, None)

    assert many.complaints == ()
    assert len(misspelled.complaints) == MAX_PROBLEMS + 1
