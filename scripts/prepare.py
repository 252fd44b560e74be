"""Put on this machine what a make target needs, then become the target's command.

    python3 -m scripts.prepare demo|bench|test|soak|check|lint|ui [-- COMMAND ARGUMENT ...]

When everything is there, that is seen in well under a second and nothing is said. Two at once wait for each other.
Exit code 1: something could not be installed, one clear line says what.
"""

import fcntl
import os
import sys

from scripts import steps, trytons
from scripts.progress import SetupError, say
from scripts.servers import server_packages

PACKAGES = (
    steps.python_packages("build", "requirements-build.txt"),
    steps.python_packages("runtime", "requirements.txt"),
)
RUNTIME = (*PACKAGES, steps.project())
TESTS = (*RUNTIME, steps.python_packages("tests", "requirements-test.txt"))
PAGE = (steps.node(), steps.page_packages(tests=False), steps.page())
PAGE_TESTS = (steps.node(), steps.page_packages(tests=True), steps.page())
PBX = (steps.debian_packages("mmdebstrap", "debian-archive-keyring", "sip-tester"), steps.asterisk())
RIVALS = (steps.debian_packages("libsqliteodbc", "libodbcinst2", "patchelf"),)
DATABASES = (server_packages("postgresql", "mariadb-server-core"),)
TRYTON = (trytons.tryton("8.0"),)
OLDER_TRYTON = (trytons.tryton("7.0"),)
CLOCK = (steps.debian_packages("libfaketime"),)
BROWSER = (steps.debian_packages("chromium", "fonts-dejavu-core"),)
TEST = (*TESTS, *PAGE_TESTS, *PBX, *BROWSER, *CLOCK, *DATABASES, *TRYTON)

PROFILES: dict[str, tuple[steps.Step, ...]] = {
    "demo": (*RUNTIME, *PAGE, *PBX),
    "bench": (*TESTS, *PAGE, *PBX, *RIVALS, *BROWSER, *DATABASES, *TRYTON),
    "test": TEST,
    "soak": (*TEST, *OLDER_TRYTON),
    "check": (*TESTS, *PAGE_TESTS),
    "lint": (*TESTS, *PAGE_TESTS),
    "ui": (*PACKAGES, *PAGE),
}


def main(argv: list[str]) -> int:
    """Do the steps of the profile ``argv[0]`` that are not done, then execute what follows ``--``."""
    profile, command = argv[0], argv[2:]
    try:
        prepare(PROFILES[profile])
    except SetupError as error:
        say(str(error))
        return 1
    except OSError as error:
        say(f"{error.filename}: {error.strerror}")
        return 1
    except KeyboardInterrupt:
        return 130
    if command:
        _keep_bytecode()
        os.execvp(command[0], command)
    return 0


def _keep_bytecode() -> None:
    """Where nothing compiled may lie beside the sources, it lies in `.cache`: tests start hundreds of Pythons."""
    if os.environ.pop("PYTHONDONTWRITEBYTECODE", ""):
        os.environ["PYTHONPYCACHEPREFIX"] = str(steps.CACHE / "bytecode")


def prepare(wanted: tuple[steps.Step, ...]) -> None:
    """Carry out what is not done yet, one process at a time."""
    if all(step.done() for step in wanted):
        return
    steps.CACHE.mkdir(exist_ok=True)
    with (steps.CACHE / "setup.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another set-up is running in this folder, waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        for step in wanted:
            if not step.done():
                step.make()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
