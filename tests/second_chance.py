"""A failed test is tried once more where the run allows it; this names such tests, and does not let them become many.

Telephones, browsers and databases on a machine that does other things as well are late now and then. What fails twice
is a defect, and so are more than `MOST` that failed once: then the run fails although every test passed in the end.
"""

import pytest

MOST = 3

_SHOWN = 600
"""Characters of what went wrong at first."""

_unsteady: dict[str, str] = {}  # what went wrong; in order, each once: a try is reported more than once


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note a test that is to be tried again."""
    if str(report.outcome) == "rerun":
        _unsteady[report.nodeid] = _unsteady.get(report.nodeid) or _what_went_wrong(report)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the run when too many tests needed a second try; a worker of several leaves that to the one who counts."""
    if len(_unsteady) > MOST and not hasattr(session.config, "workerinput"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which tests they were, and what was wrong: it is lost otherwise, and may not come again soon."""
    if _unsteady:
        terminalreporter.section(f"failed at first: {len(_unsteady)} (at most {MOST})")
        for nodeid, wrong in _unsteady.items():
            terminalreporter.line(nodeid)
            for line in wrong.splitlines():
                terminalreporter.line(f"    {line}")


def _what_went_wrong(report: pytest.TestReport) -> str:
    """Where it failed and the first words of why."""
    crash = getattr(report.longrepr, "reprcrash", None)
    return f"{crash.path}:{crash.lineno}: {crash.message[:_SHOWN]}" if crash else report.longreprtext[-_SHOWN:]
