"""Servers that tests need are installed, and nothing is started by the machine; what a killed run left is put right."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from scripts import servers


class Machine:
    """A machine on which nothing is installed, and what is there while packages are."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.policy = folder / "usr" / "policy-rc.d"
        self.clusters = folder / "etc" / "createcluster.d" / "ours.conf"
        self.policy.parent.mkdir()
        self.missing = ["postgresql", "mariadb-server-core"]
        self.seen: list[str] = []
        self.fails = False
        patch.setattr(servers, "POLICY", self.policy)
        patch.setattr(servers, "CLUSTERS", self.clusters)
        patch.setattr("os.geteuid", lambda: 0)
        patch.setattr(servers, "missing_packages", lambda names: [one for one in names if one in self.missing])
        patch.setattr(servers, "install_packages", self._install)

    def _install(self, names: Sequence[str]) -> None:
        self.seen.append(self.policy.read_text("utf-8"))
        if self.clusters.exists():
            self.seen.append(self.clusters.read_text("utf-8"))
        if self.fails:
            raise OSError("no space left on device")
        self.missing = []


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


STEP = servers.server_packages("postgresql", "mariadb-server-core")


def test_nothing_is_started_while_servers_are_installed_and_all_is_as_before_then(machine: Machine) -> None:
    assert not STEP.done()
    STEP.make()
    assert machine.seen == [servers.NO_SERVICES, servers.NO_CLUSTER]
    assert STEP.done()
    assert not machine.policy.exists()
    assert not machine.clusters.parent.exists()


def test_all_is_as_before_if_that_fails(machine: Machine) -> None:
    machine.fails = True
    with pytest.raises(OSError, match="no space"):
        STEP.make()
    assert not machine.policy.exists()
    assert not machine.clusters.parent.exists()


def test_what_a_killed_run_left_is_put_right_even_if_all_is_installed(machine: Machine) -> None:
    machine.missing = []
    machine.policy.write_text(servers.NO_SERVICES, "utf-8")
    assert not STEP.done()
    STEP.make()
    assert STEP.done()
    assert machine.seen == []
    assert not machine.policy.exists()


def test_what_the_machine_says_itself_stays(machine: Machine) -> None:
    machine.policy.write_text("#!/bin/sh\nexit 104\n", "utf-8")
    STEP.make()
    assert machine.seen[0] == "#!/bin/sh\nexit 104\n"
    assert machine.policy.read_text("utf-8") == "#!/bin/sh\nexit 104\n"
    assert STEP.done()
