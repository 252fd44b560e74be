"""Mistakes in the settings: each is one line that says where and what; nothing starts and nothing is a traceback."""

import re
from pathlib import Path

import pytest

from cti_bridge.cli.main import main
from cti_bridge.settings import load_settings

AMI = "pbxes:\n  - ami: {secret_file: ami.secret}\n"
RULES = "version: 1\nqueues: {sales: {}}\ndefault: {queue: sales}\n"

MISTAKES = [
    pytest.param(AMI + "dat_dir: x\n", "3:1", "unknown key `dat_dir`", id="unknown key"),
    pytest.param(AMI + "web:\n  public:\n    prot: 1\n", "5:5", "did you mean `port`", id="unknown key inside"),
    pytest.param(AMI + "rules: a\nrules: b\n", "4:1", "given twice", id="key twice"),
    pytest.param("data_dir: x\n", "1:1", "`pbxes` is missing", id="no PBX"),
    pytest.param(AMI + "  - ami: {secret_file: ami.secret}\n", "1:1", "only one PBX", id="two PBXes"),
    pytest.param("pbxes: []\n", "1:1", "`pbxes` must not be empty", id="an empty list"),
    pytest.param("pbxes: hello\n", "1:1", "`pbxes` must be a list", id="a word instead of a list"),
    pytest.param("pbxes:\n  - ami: hello\n", "2:5", "`ami` must be keys", id="a word instead of keys"),
    pytest.param(AMI + "data_dir: [a]\n", "3:1", "`data_dir` must be a path", id="a list instead of a path"),
    pytest.param("pbxes:\n  - ami: {port: 5038}\n", "2:5", "secret_file or secret is missing", id="no secret"),
    pytest.param("pbxes:\n  - ami: {secret: hunter2}\n", "2:19", "must not stand in this file", id="literal secret"),
    pytest.param('pbxes:\n  - ami: {secret: "x${CTI_AMI}"}\n', "2:19", "must not stand", id="partly literal secret"),
    pytest.param('pbxes:\n  - ami: {secret: "${CTI_NO}"}\n', "2:19", "`CTI_NO` is not set", id="unset variable"),
    pytest.param(
        'pbxes:\n  - ami: {secret: "${CTI_AMI}", secret_file: ami.secret}\n', "2:5", "not both", id="two secrets"
    ),
    pytest.param("pbxes:\n  - ami: {secret_file: none}\n", "2:11", "none: No such file", id="no secret file"),
    pytest.param("pbxes:\n  - ami: {secret_file: .}\n", "2:11", "Is a directory", id="a folder as secret file"),
    pytest.param("pbxes:\n  - ami: {secret_file: empty}\n", "2:11", "is empty", id="an empty secret file"),
    pytest.param("pbxes:\n  - ami: {secret_file: noise}\n", "2:11", "not UTF-8", id="noise as a secret"),
    pytest.param("pbxes:\n  - ami: {secret_file: ami.secret, port: 70000}\n", "2:36", "`port`", id="port too high"),
    pytest.param(
        "pbxes:\n  - ami: {secret_file: ami.secret, port: many}\n", "2:36", "`port` must be a whole", id="port in words"
    ),
    pytest.param(
        "pbxes:\n  - ami: {secret_file: ami.secret, host: 192.0.2.1}\n", "2:5", "needs tls", id="AMI far and open"
    ),
    pytest.param(
        "pbxes:\n  - ami: {secret_file: ami.secret, tls: true, tls_ca: none.pem}\n",
        "2:47",
        "none.pem: No such file",
        id="no CA file",
    ),
    pytest.param(AMI + "    ari: {}\n", "3:5", "secret_file or secret is missing", id="ARI without a secret"),
    pytest.param(
        AMI + "    ari: {secret_file: ami.secret, host: 192.0.2.1}\n", "3:5", "ARI elsewhere", id="ARI far and open"
    ),
    pytest.param(AMI + "    ari: {secret_file: none}\n", "3:11", "none: No such file", id="no secret file for ARI"),
    pytest.param(AMI + "    ari: {secret: hunter2}\n", "3:19", "must not stand", id="literal secret for ARI"),
    pytest.param(AMI + "    ari: {secret_file: ami.secret, app: a b}\n", "3:36", "`app`", id="no name for Stasis"),
    pytest.param(
        AMI + "    ari: {secret_file: ami.secret, username: a:b}\n", "3:36", "`username`", id="no user of ARI"
    ),
    pytest.param(
        AMI + "    ari: {secret_file: ami.secret, tls: true, tls_ca: none.pem}\n",
        "3:47",
        "none.pem",
        id="no CA for ARI",
    ),
    pytest.param(AMI + "    ari: {secret_file: ami.secret}\n", "3:5", "8088 is the port", id="ARI at the page's port"),
    pytest.param(
        AMI + "    ari: {secret_file: ami.secret, port: 80}\nweb: {public: {host: 0.0.0.0, port: 80}}\n",
        "3:36",
        "80 is the port of `web.public`",
        id="ARI at a port of the page on every address",
    ),
    pytest.param(
        AMI + "    ari: {secret_file: ami.secret, port: 8089}\n", "3:36", "`web.private`", id="ARI at our own metrics"
    ),
    pytest.param(AMI + "    agi: {host: 0.0.0.0}\n", "3:5", "allow (networks) and a secret", id="FastAGI for all"),
    pytest.param(AMI + "    agi: {allow: [office]}\n", "3:11", "`allow`", id="no network"),
    pytest.param(AMI + "    region: ru\n", "3:5", "country code", id="unknown region"),
    pytest.param(AMI + "    staff_numbers: +74950000150\n", "3:5", "`staff_numbers` must be a list", id="one number"),
    pytest.param(AMI + "    staff_numbers: [+74950000150, 12x]\n", "3:35", "12x is no telephone", id="no staff number"),
    pytest.param(AMI + '    staff_numbers:\n      - "+7495*"\n', "4:9", "+7495* is too short", id="a city of staff"),
    pytest.param(AMI + "crm: {kind: sugar}\n", "3:7", "`embedded`", id="unknown CRM"),
    pytest.param(AMI + "crm: {fresh: soon}\n", "3:7", "not a duration", id="no duration"),
    pytest.param(AMI + "calls: {rejected_for: 11m}\n", "3:9", "must be from 1s to 10m, or 0s", id="refused too long"),
    pytest.param(AMI + "calls: {rejected_for: 500ms}\n", "3:9", "must be from 1s", id="refused for a moment"),
    pytest.param(AMI + "calls: {rejected_for: for ever}\n", "3:9", "not a duration", id="refused for ever"),
    pytest.param(AMI + "reports: {crm: {}}\n", "3:11", "`crm` must be true or false", id="keys instead of yes or no"),
    pytest.param(
        AMI + "reports: {webhooks: [{name: a, url: 'https://e.example'}]}\n",
        "3:22",
        "`webhooks`: secret_file or secret is missing",
        id="a webhook without a secret",
    ),
    pytest.param(AMI + "    records:\n", "3:5", "`records` must be keys with values", id="records without any"),
    pytest.param(AMI + "    records: {cell: a}\n", "3:15", "did you mean `cel`", id="an unknown record"),
    pytest.param(AMI + "retention: {facts: 90m}\n", "3:13", "not a length such as 30d", id="facts for minutes"),
    pytest.param(AMI + "retention: {calls: 0d}\n", "3:13", "not a length", id="calls for no time"),
    pytest.param(AMI + "retention: {calls: 2w}\n", "3:1", "facts cannot be kept longer", id="facts without calls"),
    pytest.param(AMI + "retention: {facts: forever}\n", "3:1", "facts cannot", id="facts for ever, calls for a year"),
    pytest.param(AMI + "log: {level: loud}\n", "3:7", "`level`", id="unknown level"),
    pytest.param(
        AMI + "web: {public: {tls: {cert_file: a.pem, key_file: b.pem}}}\n", "3:16", "a.pem", id="no certificate"
    ),
    pytest.param("pbxes: [\n", "2:1", "not YAML", id="no YAML"),
    pytest.param("", "1:1", "empty", id="empty file"),
    pytest.param("- a\n", "1:1", "keys with values", id="a list"),
    pytest.param("a: &a x\nb: *a\n", "1:4", "anchors", id="anchors"),
]


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the settings are to be; rules and a secret are beside them."""
    monkeypatch.setenv("CTI_AMI", "aus-der-Umgebung")
    monkeypatch.delenv("CTI_NO", raising=False)
    (tmp_path / "routing.yaml").write_text(RULES)
    (tmp_path / "ami.secret").write_text("  aus der Datei\n")
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "noise").write_bytes(b"\xff\xfe\x00")
    return tmp_path / "cti-bridge.yaml"


@pytest.mark.parametrize(("text", "place", "words"), MISTAKES)
def test_a_mistake_is_one_line_with_its_place(
    config: Path, capsys: pytest.CaptureFixture[str], text: str, place: str, words: str
) -> None:
    config.write_text(text)
    assert main(["check", "--config", str(config)]) == 1
    answer = capsys.readouterr()
    (line,) = answer.out.splitlines()
    assert line.startswith(f"{config}:{place}: ") and words in line
    assert answer.err == ""
    assert main(["run", "--config", str(config)]) == 2
    answer = capsys.readouterr()
    assert (answer.out, answer.err) == ("", f"cti-bridge: {line}\n")


def test_several_mistakes_are_told_at_once_and_in_order(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.write_text("colour: red\npbxes:\n  - ami: {secret: x, port: 0}\nlog: {format: xml}\n")
    assert main(["check", "--config", str(config)]) == 1
    places = [re.match(r".*?:(\d+):\d+: ", line) for line in capsys.readouterr().out.splitlines()]
    assert [place[1] for place in places if place] == ["1", "3", "3", "4"]


@pytest.mark.parametrize("command", [["run"], ["check"], ["calls", "list"], ["explain", "--caller", "1"]])
def test_settings_that_are_not_there_could_not_be_asked(
    config: Path, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    assert main([*command, "--config", str(config)]) == 2
    answer = capsys.readouterr()
    assert answer.out == ""
    assert len(answer.err.splitlines()) == 1 and "o such file" in answer.err


def test_secrets_come_from_a_file_or_the_environment_and_are_shown_to_nobody(config: Path) -> None:
    config.write_text("pbxes:\n  - ami: {secret_file: ami.secret}\n    agi: {secret: '${CTI_AMI}'}\n")
    settings = load_settings(config)
    assert (settings.pbx.ami.secret, settings.pbx.agi.secret) == ("aus der Datei", "aus-der-Umgebung")
    assert not [secret for secret in ("aus der Datei", "aus-der-Umgebung") if secret in repr(settings)]


@pytest.mark.parametrize(
    ("text", "facts_days", "calls_days"),
    [
        ("", 30, 365),
        ("retention: {facts: 2w, calls: 3y}\n", 14, 3 * 365),
        ("retention: {calls: forever}\n", 30, None),
        ("retention: {facts: forever, calls: forever}\n", None, None),
        ("retention: {facts: 1d, calls: 1d}\n", 1, 1),
    ],
)
def test_how_long_the_journal_remembers_is_said_in_days_weeks_years_or_forever(
    config: Path, text: str, facts_days: int | None, calls_days: int | None
) -> None:
    config.write_text(AMI + text)
    retention = load_settings(config).retention
    assert retention.facts_s == (None if facts_days is None else facts_days * 86400.0)
    assert retention.calls_s == (None if calls_days is None else calls_days * 86400.0)


def test_good_settings_and_good_rules_are_a_yes(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.write_text(AMI)
    assert main(["check", "--config", str(config)]) == 0
    assert "are good" in capsys.readouterr().out


def test_bad_rules_are_a_no_and_missing_ones_could_not_be_asked(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config.write_text(AMI)
    rules = config.parent / "routing.yaml"
    rules.write_text(RULES + "colour: red\n")
    assert main(["check", "--config", str(config)]) == 1
    assert capsys.readouterr().out.startswith(f"{rules}:4:1: unknown key `colour`")
    rules.unlink()
    assert main(["check", "--config", str(config)]) == 2
    assert str(rules) in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "expected"), [("", 30.0), ("calls: {rejected_for: 0s}\n", 0.0), ("calls: {rejected_for: 2m}\n", 120.0)]
)
def test_for_how_long_a_refusal_counts(config: Path, text: str, expected: float) -> None:
    config.write_text(AMI + text)
    assert load_settings(config).rejected_for_s == expected
