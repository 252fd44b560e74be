"""callers.csv: who calls in the demo, which number he dials, and the queue that is expected."""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ANONYMOUS = "anonymous"
DEFAULT_DID = "+74950000149"
COLUMNS = ("caller", "name", "did", "expect_queue")
MAX_NAME = 80
_PUNCTUATION = str.maketrans("", "", " -().\u00a0")
_NUMBER = re.compile(r"\+?[0-9]{2,20}")
_DID = re.compile(r"(?:\+?[0-9]{2,20})?")
_QUEUE = re.compile(r"[A-Za-z0-9_.:/@+&-]{0,80}")


class CallersUnreadable(Exception):
    """The file as a whole cannot be used; the text says why."""


class CallersRejected(Exception):
    """Some rows are impossible; `problems` has a line for each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class SampleCaller:
    """One call to be made. `text` is the caller as the file has him, `number` what is sent (empty: anonymous).

    An empty `expect_queue` is not checked, an empty `did` is not sent.
    """

    text: str
    number: str
    name: str
    did: str
    expect_queue: str

    @property
    def anonymous(self) -> bool:
        """Whether number and name stay hidden."""
        return not self.number


def read_callers(path: Path) -> list[SampleCaller]:
    """Read the callers of a file, in its order; without a column `did` everybody dials the sample number.

    Raises CallersUnreadable, or CallersRejected with every bad row.
    """
    try:
        text = path.read_text("utf-8-sig")
    except OSError as error:
        raise CallersUnreadable(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise CallersUnreadable(f"{path}: not UTF-8") from error
    first = text.partition("\n")[0]
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=";" if ";" in first else ",")
    columns = rows.fieldnames or ()
    if "caller" not in columns:
        raise CallersUnreadable(f"{path}: no column `caller` in the first line (it may have {', '.join(COLUMNS)})")
    if unknown := [column for column in columns if column not in COLUMNS]:
        raise CallersUnreadable(f"{path}: unknown column `{unknown[0]}` (it may have {', '.join(COLUMNS)})")
    callers, problems = [], []
    for row in rows:
        try:
            callers.append(_caller({key: (value or "").strip() for key, value in row.items() if key}, columns))
        except ValueError as error:
            problems.append(f"{path}:{rows.line_num}: {error}")
    if problems:
        raise CallersRejected(problems)
    if not callers:
        raise CallersUnreadable(f"{path}: nobody calls")
    return callers


def _caller(row: dict[str, str], columns: Sequence[str]) -> SampleCaller:
    text = row["caller"]
    number = "" if text == ANONYMOUS else text.translate(_PUNCTUATION)
    did = row.get("did", "").translate(_PUNCTUATION) if "did" in columns else DEFAULT_DID
    if number and not _NUMBER.fullmatch(number):
        raise ValueError(f"caller is neither a number nor `{ANONYMOUS}`")
    if not number and text != ANONYMOUS:
        raise ValueError("caller is empty")
    if not _DID.fullmatch(did):
        raise ValueError("did is not a number")
    if not _QUEUE.fullmatch(row.get("expect_queue", "")):
        raise ValueError("expect_queue is no name of a queue")
    name = "".join(letter for letter in row.get("name", "") if letter.isprintable())[:MAX_NAME]
    return SampleCaller(text, number, name, did, row.get("expect_queue", ""))
