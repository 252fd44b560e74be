"""Trytons that tests start by themselves, installed beforehand, so that no test waits for it."""

from demo.tryton import TrytonError
from demo.tryton_install import install, installed
from scripts.progress import SetupError
from scripts.steps import CACHE, Step


def tryton(series: str) -> Step:
    """Return the step that installs one series."""

    def make() -> None:
        try:
            install(CACHE, series)
        except TrytonError as error:
            raise SetupError(str(error)) from error

    return Step(f"Tryton {series}", lambda: installed(CACHE, series), make)
