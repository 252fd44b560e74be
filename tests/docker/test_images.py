"""The container files hold what they promise, as far as that can be seen without a container engine."""

import re
import subprocess
from pathlib import Path

import pytest
from container_files import (
    Compose,
    Instruction,
    all_variables,
    let_in,
    read_compose,
    read_dockerfile,
    required_variables,
    stages,
)
from pydantic import ValidationError
from ruamel.yaml import YAML

from cti_bridge.cli.main import main
from cti_bridge.settings import load_settings

ROOT = Path(__file__).parents[2]
IMAGES = {name: ROOT / "docker" / name / "Dockerfile" for name in ("asterisk", "bridge")}
COMPOSE_FILE = ROOT / "docker/asterisk/compose.yaml"
SECRET_WORD = re.compile(r"secret|password|passwd|token|(?<![a-z])key(?![a-z])", re.IGNORECASE)


def instructions(name: str, word: str) -> list[Instruction]:
    return [one for one in read_dockerfile(IMAGES[name]) if one.word == word]


def last_stage(name: str, word: str) -> list[Instruction]:
    return [one for one in stages(read_dockerfile(IMAGES[name]))[-1] if one.word == word]


def recipe(name: str) -> str:
    text = (ROOT / "docker/asterisk/packages").read_text("utf-8")
    (value,) = re.findall(rf"^{name}=(.*)$", text, re.MULTILINE)
    return str(value)


@pytest.mark.parametrize("name", IMAGES)
class TestEveryImage:
    def test_stands_on_a_base_with_a_version(self, name: str) -> None:
        earlier: set[str] = set()
        for one in instructions(name, "FROM"):
            image, *rest = one.words()
            assert image in earlier or re.fullmatch(r"[a-z]+:[a-z0-9.]+-slim", image), one
            assert "latest" not in image
            earlier |= set(rest[1:])

    def test_is_made_of_files_of_the_repository(self, name: str) -> None:
        named = {one.words()[-1] for one in instructions(name, "FROM") if " AS " in one.text}
        for one in instructions(name, "COPY"):
            options = [word for word in one.words() if word.startswith("--")]
            *sources, target = [word for word in one.words() if not word.startswith("--")]
            assert sources and target.startswith(("/", "./"))
            if options:
                (option,) = options
                assert option.removeprefix("--from=") in named, one
                continue
            for source in sources:
                assert (ROOT / source).exists(), f"{one.line}: {source}"
                assert let_in(IMAGES[name].with_name("Dockerfile.dockerignore"), source), f"{one.line}: {source}"

    def test_is_not_sent_secrets_or_what_was_built_before(self, name: str) -> None:
        ignored = IMAGES[name].with_name("Dockerfile.dockerignore")
        for path in (".git", ".env", "docker/asterisk/.env", ".venv", ".cache"):
            assert not let_in(ignored, path)

    def test_runs_as_an_ordinary_user(self, name: str) -> None:
        *_, user = last_stage(name, "USER")
        assert user.text in {"asterisk", "cti-bridge"}
        created = " ".join(one.text for one in last_stage(name, "RUN"))
        assert re.search(rf"useradd --system --uid [1-9][0-9]{{2}} .*{user.text}\b", created)
        after = [one.word for one in stages(read_dockerfile(IMAGES[name]))[-1] if one.line > user.line]
        assert set(after) <= {"WORKDIR", "ENTRYPOINT", "CMD", "HEALTHCHECK"}

    def test_is_started_without_a_shell_in_between(self, name: str) -> None:
        for word in ("ENTRYPOINT", "CMD"):
            (one,) = last_stage(name, word)
            assert one.exec_form(), one

    def test_says_whether_it_is_well(self, name: str) -> None:
        (one,) = last_stage(name, "HEALTHCHECK")
        options, _, command = one.text.partition("CMD ")
        assert {"--interval", "--timeout", "--start-period", "--retries"} == set(re.findall(r"--[a-z-]+", options))
        assert Instruction(one.line, "CMD", command).exec_form()

    def test_has_no_secret_in_it(self, name: str) -> None:
        for one in (*instructions(name, "ENV"), *instructions(name, "ARG")):
            assert not SECRET_WORD.search(one.text), one

    def test_fetches_nothing_past_the_package_managers(self, name: str) -> None:
        for one in read_dockerfile(IMAGES[name]):
            assert not re.search(r"\b(curl|wget|git|sudo)\b|https?://(?!127\.0\.0\.1)", one.text), one

    def test_leaves_no_package_lists_behind(self, name: str) -> None:
        for one in instructions(name, "RUN"):
            if "apt-get" in one.text:
                assert "apt-get update && " in one.text
                assert re.search(r"apt-get install .*--no-install-recommends", one.text)
                assert "rm -rf /var/lib/apt/lists/*" in one.text
                assert "upgrade" not in one.text


def test_suite_and_packages_of_asterisk_come_from_the_one_list() -> None:
    (base,) = instructions("asterisk", "FROM")
    assert base.text == f"debian:{recipe('SUITE')}-slim"
    (install,) = [one for one in instructions("asterisk", "RUN") if "apt-get install" in one.text]
    assert ". /usr/share/cti-bridge/packages && " in install.text
    named = install.text.partition("apt-get install ")[2].partition(" && ")[0].split()
    assert [word for word in named if not word.startswith("-")] == ["$PACKAGES"]


def test_the_image_and_the_root_file_system_get_the_same_last_touch() -> None:
    (install,) = [one for one in instructions("asterisk", "RUN") if "apt-get install" in one.text]
    build = (ROOT / "docker/asterisk/build").read_text("utf-8")

    assert "/usr/share/cti-bridge/settle /" in install.text.split(" && ")
    assert '\n"$here/settle" "$work/root"\n' in build
    assert 'cat "$here/packages" "$here/settle" "$here/build"' in build, "a change of any of them makes a new root"


def test_asterisk_may_write_where_it_has_to_also_without_the_compose_file() -> None:
    settle = (ROOT / "docker/asterisk/settle").read_text("utf-8")
    (folders,) = re.findall(r"^for folder in (.*); do$", settle, re.MULTILINE)
    (install,) = [one for one in instructions("asterisk", "RUN") if "apt-get install" in one.text]
    (given,) = [command.split() for command in install.text.split(" && ") if command.startswith("chown ")]

    assert given == ["chown", "-R", "asterisk:asterisk", *(f"/{folder}" for folder in folders.split())]


@pytest.mark.parametrize("twice", [False, True], ids=["once", "again"])
def test_the_last_touch_removes_name_look_ups_samples_and_lists(tmp_path: Path, twice: bool) -> None:
    for file, text in {
        "etc/nsswitch.conf": "passwd: files\nhosts: files dns\n",
        "etc/asterisk/manager.conf": "[admin]\n",
        "var/lib/apt/lists/main": "x",
        "var/cache/apt/pkgcache.bin": "x",
        "var/lib/asterisk/moh/one": "x",
    }.items():
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(text)
    for _ in range(1 + twice):
        subprocess.run([ROOT / "docker/asterisk/settle", tmp_path], check=True, timeout=30)

    assert (tmp_path / "etc/nsswitch.conf").read_text() == "passwd: files\nhosts: files\n"
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {"etc/nsswitch.conf", "var/lib/asterisk/moh/one"}
    assert all((tmp_path / folder).is_dir() for folder in ("etc/asterisk", "var/log/asterisk", "run/asterisk"))


def test_packages_from_an_index_are_installed_by_hash_only() -> None:
    for one in instructions("bridge", "RUN"):
        for command in one.text.split(" && "):
            if re.search(r"pip (--python \S+ )?(install|wheel|download)\b", command):
                assert "--require-hashes" in command or "--no-index" in command, command
            if command.startswith("npm ") and "run" not in command:
                assert command.startswith("npm ci "), command
    assert not [one for one in last_stage("bridge", "RUN") if re.search(r"pip (install|wheel)|npm|apt-get", one.text)]


def test_every_word_of_asterisks_files_has_a_value_in_the_image_or_is_a_secret() -> None:
    templates = (ROOT / "docker/asterisk/etc").glob("*.conf")
    words = {word for path in templates for word in re.findall(r"@([A-Z][A-Z_]*)@", path.read_text("utf-8"))}
    given = {pair.partition("=")[0] for one in instructions("asterisk", "ENV") for pair in one.words()}
    secrets = set(compose().services["asterisk"].environment)

    assert words - {"MULTIARCH"} == given | secrets
    assert all(word.endswith("_SECRET") for word in secrets)
    assert not given & secrets


# --- compose.yaml ------------------------------------------------------------------------------------------------


def compose() -> Compose:
    return read_compose(COMPOSE_FILE)


def test_a_compose_file_with_a_key_that_does_not_exist_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(COMPOSE_FILE.read_text("utf-8").replace("read_only:", "readonly:"), "utf-8")

    with pytest.raises(ValidationError, match="readonly"):
        read_compose(tmp_path / "c.yaml")


def test_both_are_on_one_loopback_and_only_the_page_is_published_on_this_machine() -> None:
    asterisk, bridge = compose().services["asterisk"], compose().services["bridge"]

    assert bridge.network_mode == "service:asterisk"
    assert asterisk.network_mode is None
    assert asterisk.ports == ["127.0.0.1:8088:8088"]
    assert bridge.ports == []


def test_the_bridge_waits_for_asterisk_and_follows_it_to_a_new_loopback() -> None:
    needs = compose().services["bridge"].depends_on["asterisk"]

    assert (needs.condition, needs.restart) == ("service_healthy", True)


@pytest.mark.parametrize("name", IMAGES)
def test_a_service_is_shut_in(name: str) -> None:
    service = compose().services[name]

    assert (ROOT / "docker/asterisk" / service.build.context).resolve() == ROOT
    assert ROOT / service.build.dockerfile == IMAGES[name]
    assert service.read_only and service.init
    assert service.cap_drop == ["ALL"]
    assert service.security_opt == ["no-new-privileges:true"]
    assert service.restart == "unless-stopped"
    assert int(service.stop_grace_period.removesuffix("s")) >= 10
    assert service.ulimits.nofile.soft >= 16_384
    assert service.logging.options.keys() == {"max-size", "max-file"}


@pytest.mark.parametrize("name", IMAGES)
def test_everything_that_is_mounted_is_there_and_nothing_of_the_machine_can_be_written(name: str) -> None:
    file, service = compose(), compose().services[name]
    for volume in service.volumes:
        source, target, *mode = volume.split(":")
        assert target.startswith("/")
        if source.startswith("."):
            assert (ROOT / "docker/asterisk" / source).exists(), volume
            assert mode == ["ro"]
        else:
            assert source in file.volumes
    for place in service.tmpfs:
        path, _, options = place.partition(":")
        assert path.startswith("/")
        assert re.search(r"\bsize=[0-9]+m\b", options), place


def test_what_nobody_reads_in_the_containers_does_not_fill_their_memory() -> None:
    mounted = {volume.split(":")[1]: volume.split(":")[0] for volume in compose().services["asterisk"].volumes}
    covered = "/usr/share/cti-bridge/dialplan/cel.conf"  # of what `start` takes over
    assert (ROOT / "dialplan" / Path(covered).name).is_file()
    assert "enable = no" in (ROOT / "docker/asterisk" / mounted[covered]).read_text("utf-8").splitlines()
    (pbx,) = YAML(typ="safe").load((ROOT / "docker/bridge/etc/cti-bridge.yaml").read_text("utf-8"))["pbxes"]
    assert "records" not in pbx


def test_the_users_of_tmpfs_are_those_of_the_image() -> None:
    created = " ".join(one.text for one in last_stage("asterisk", "RUN"))
    (uid,) = re.findall(r"--uid ([0-9]+)", created)
    (gid,) = re.findall(r"--gid ([0-9]+)", created)
    for place in compose().services["asterisk"].tmpfs:
        assert place.startswith("/tmp:") or f"uid={uid},gid={gid},mode=0700" in place


def test_no_secret_stands_in_the_compose_file_and_none_may_be_missing() -> None:
    text = COMPOSE_FILE.read_text("utf-8")
    offered = re.findall(r"^([A-Z_]+)=(.*)$", (COMPOSE_FILE.parent / ".env.example").read_text("utf-8"), re.MULTILINE)

    assert {name for name, _ in offered} == required_variables(text) == all_variables(text)
    assert {value for _, value in offered} == {""}
    for service in compose().services.values():
        assert all(value.startswith("${CTI_") for value in service.environment.values())


def test_the_file_with_the_secrets_cannot_be_committed() -> None:
    assert ".env" in (ROOT / ".gitignore").read_text("utf-8").splitlines()


# --- the settings of the container -------------------------------------------------------------------------------


def test_the_settings_in_the_container_are_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in required_variables(COMPOSE_FILE.read_text("utf-8")):
        monkeypatch.setenv(name, "0123456789abcdef")
    # the mounts of compose.yaml, as this machine has them
    shipped = (ROOT / "docker/bridge/etc/cti-bridge.yaml").read_text("utf-8")
    here = shipped.replace("/etc/cti-bridge-rules/", f"{ROOT}/config/").replace("/var/lib/", f"{tmp_path}/")
    (tmp_path / "cti-bridge.yaml").write_text(here, "utf-8")

    assert main(["check", "--config", str(tmp_path / "cti-bridge.yaml")]) == 0, capsys.readouterr().out
    settings = load_settings(tmp_path / "cti-bridge.yaml")
    assert settings.pbx.ami.host == settings.pbx.agi.host == settings.web.private_host == "127.0.0.1"


def test_settings_image_and_compose_file_name_the_same_places() -> None:
    settings = YAML(typ="safe", pure=True).load(ROOT / "docker/bridge/etc/cti-bridge.yaml")
    mounted = {volume.split(":")[1] for volume in compose().services["bridge"].volumes}
    (port,) = compose().services["asterisk"].ports
    asterisk = dict(pair.split("=", 1) for one in instructions("asterisk", "ENV") for pair in one.words())
    (health,) = last_stage("bridge", "HEALTHCHECK")

    assert mounted == {"/etc/cti-bridge", str(Path(settings["rules"]).parent), settings["data_dir"]}
    assert port.endswith(f":{settings['web']['public']['port']}")
    assert f"127.0.0.1:{settings['web']['private']['port']}/healthz" in health.text
    (pbx,) = settings["pbxes"]
    assert asterisk["AGI_URL"] == f"agi://{pbx['agi']['host']}:{pbx['agi']['port']}/route"
    assert (asterisk["ADDRESS"], asterisk["AMI_PORT"]) == (pbx["ami"]["host"], str(pbx["ami"]["port"]))
    assert (asterisk["ADDRESS"], asterisk["ARI_PORT"]) == (pbx["ari"]["host"], str(pbx["ari"]["port"]))
    assert asterisk["SYSTEM_NAME"] == pbx["name"]


# --- the parser itself -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["ADD x /x\n", "FROM\n", "run x\n", "RUN x \\\n", "RUN x \\\n# comment\n"])
def test_what_is_no_instruction_of_ours_is_noticed(tmp_path: Path, text: str) -> None:
    (tmp_path / "Dockerfile").write_text(text)
    with pytest.raises(ValueError, match="Dockerfile:1: "):
        read_dockerfile(tmp_path / "Dockerfile")


def test_continued_lines_are_one_instruction(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("# head\nFROM a:1-slim AS b\n\nRUN x \\\n    # why\n    && y\n")
    assert read_dockerfile(tmp_path / "Dockerfile") == [
        Instruction(2, "FROM", "a:1-slim AS b"),
        Instruction(4, "RUN", "x && y"),
    ]
