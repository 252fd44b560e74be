"""The guide for the admin, taken apart: its lessons, and in each one the files that it shows and the commands it runs.

How the page is written is how it is read here. An indented block is either commands or a file:

* Lines that start with `$ ` are commands, what follows is what they print. A line `…` stands for any number of lines.
* A block that starts with `# NAME.yaml` is that file, any other one is `routing.yaml`.
* A block with `version:` is a whole file of rules. Without, it has sections of the present one: each takes the place of
  the section of that name, all others stay.
"""

import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

RULES = "routing.yaml"
PAGE = Path(__file__).parents[2] / "docs" / "rules.md"
_BLOCK = re.compile(r"(?:^    .*\n|^\n(?=    ))+", re.MULTILINE)
_SECTION = re.compile(r"(?=^[a-z_]+:)", re.MULTILINE)
_NAMED = re.compile(r"# ([a-z.-]+\.yaml)\n")
_MASKED = (
    (re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})"), "TIME"),
    (re.compile(r"\b[0-9a-f]{12}\b"), "HASH"),
)


@dataclass(frozen=True, slots=True)
class Shown:
    """A file that the page shows: whole, or sections of the present rules."""

    name: str
    text: str

    @property
    def whole(self) -> bool:
        """Whether it stands for itself."""
        return self.name == "cti-bridge.yaml" or re.search(r"^version:", self.text, re.MULTILINE) is not None


@dataclass(frozen=True, slots=True)
class Typed:
    """A command, and what the page says that it prints."""

    command: str
    printed: str


@dataclass(frozen=True, slots=True)
class Lesson:
    """One lesson: its heading, and what it shows and has typed, in order."""

    title: str
    parts: tuple[Shown | Typed, ...]


def lessons(page: str) -> list[Lesson]:
    """The lessons of a page; what stands before the first heading is one of them."""
    texts = re.split(r"^## ", f"Before\n{page}", flags=re.MULTILINE)
    return [Lesson(text.partition("\n")[0], tuple(_parts(text))) for text in texts]


def _parts(text: str) -> list[Shown | Typed]:
    found: list[Shown | Typed] = []
    for block in _BLOCK.findall(text):
        plain = textwrap.dedent(block).strip("\n") + "\n"
        if plain.startswith("$ "):
            for one in re.split(r"^\$ ", plain, flags=re.MULTILINE)[1:]:
                command, _, printed = one.partition("\n")
                found.append(Typed(command, printed))
            continue
        assert "\n$ " not in plain, "a sentence has to stand between a file and a command"
        named = _NAMED.match(plain)
        found.append(Shown(named[1] if named else RULES, plain))
    return found


def put_in(rules: str, sections: str) -> str:
    """The rules with these sections in the place of those of the same name."""
    present = {_key(section): section for section in _SECTION.split(rules)}
    shown = {_key(section): section for section in _SECTION.split(sections)}
    shown.pop("", None)
    return "".join(section.rstrip("\n") + "\n" for section in (present | shown).values() if section.strip())


def _key(section: str) -> str:
    return section.partition(":")[0] if _SECTION.match(section) else ""


def masked(printed: str) -> str:
    """What was printed, without what is another thing every time: moments and hashes."""
    for pattern, instead in _MASKED:
        printed = pattern.sub(instead, printed)
    return "".join(f"{line.rstrip()}\n" for line in printed.splitlines())


def says(page: str, printed: str) -> bool:
    """Whether this was printed; `…` on a line of its own in the page is whatever stands there, or nothing."""
    parts = [re.escape(part) for part in re.split(r"^ *…\n", masked(page), flags=re.MULTILINE)]
    return re.fullmatch(r"(?:.*\n)*".join(parts), masked(printed)) is not None
