"""Reads container files: a Dockerfile as instructions, a compose file strictly, as the compose specification has it."""

import json
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from ruamel.yaml import YAML

INSTRUCTIONS = {
    "FROM", "RUN", "CMD", "ENTRYPOINT", "COPY", "ENV", "ARG", "USER", "WORKDIR", "HEALTHCHECK", "LABEL", "STOPSIGNAL",
}  # fmt: skip
"""Those that our files may use; ADD, SHELL, ONBUILD, VOLUME and EXPOSE are not needed and do more than they say."""


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction: its line in the file, its word, its text with continued lines joined."""

    line: int
    word: str
    text: str

    def words(self) -> list[str]:
        """The text as a shell would split it."""
        return shlex.split(self.text)

    def exec_form(self) -> list[str] | None:
        """The words of `["a", "b"]`; None for the shell form."""
        try:
            words = json.loads(self.text)
        except ValueError:
            return None
        return words if isinstance(words, list) and all(isinstance(word, str) for word in words) else None


def read_dockerfile(path: Path) -> list[Instruction]:
    """The instructions of a file. Raises ValueError for what is none."""
    found: list[Instruction] = []
    text, first = "", 0
    for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
        if line.lstrip().startswith("#") or (not line.strip() and not text):
            continue
        first = first if text else number
        text += line.rstrip("\\") if line.endswith("\\") else line
        if line.endswith("\\"):
            continue
        word, _, rest = text.strip().partition(" ")
        if word not in INSTRUCTIONS or not rest.strip():
            raise ValueError(f"{path.name}:{first}: `{word}` is no instruction that we use")
        found.append(Instruction(first, word, " ".join(rest.split())))
        text = ""
    if text:
        raise ValueError(f"{path.name}:{first}: goes on behind the end of the file")
    return found


def stages(instructions: Sequence[Instruction]) -> list[list[Instruction]]:
    """The instructions of each stage, beginning with its FROM; what stands before the first FROM is no stage."""
    parts: list[list[Instruction]] = []
    for instruction in instructions:
        if instruction.word == "FROM":
            parts.append([])
        if parts:
            parts[-1].append(instruction)
    return parts


def let_in(ignore_file: Path, source: str) -> bool:
    """Whether a `.dockerignore` that begins with `*` lets this path in, whole; only plain names are understood."""
    lines = [line for line in ignore_file.read_text("utf-8").splitlines() if line and not line.startswith("#")]
    assert lines[0] == "*", f"{ignore_file} must name what gets in, not what stays out"
    return any(source == allowed or source.startswith(f"{allowed}/") for allowed in _without_bang(lines))


def _without_bang(lines: Sequence[str]) -> list[str]:
    return [line[1:] for line in lines if line.startswith("!")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Build(_Strict):
    """How a service's image is made."""

    context: str
    dockerfile: str


class DependsOn(_Strict):
    """What must be there before a service is started."""

    condition: Literal["service_healthy"]
    restart: bool = False


class NoFile(_Strict):
    """Limit of open files."""

    soft: Annotated[int, Field(gt=0)]
    hard: Annotated[int, Field(gt=0)]


class Ulimits(_Strict):
    """Limits of a service's processes."""

    nofile: NoFile


class Logging(_Strict):
    """Where a container's output goes, and how much of it is kept."""

    driver: Literal["json-file"]
    options: dict[Literal["max-size", "max-file"], str]


class Service(_Strict):
    """One service; the keys of the compose specification that our file uses, and no others."""

    build: Build
    environment: dict[str, str] = {}
    ports: list[str] = []
    volumes: list[str] = []
    tmpfs: list[str] = []
    network_mode: str | None = None
    depends_on: dict[str, DependsOn] = {}
    read_only: bool = False
    cap_drop: list[str] = []
    security_opt: list[str] = []
    pids_limit: Annotated[int, Field(gt=0)]
    ulimits: Ulimits
    init: bool = False
    restart: Literal["no", "always", "on-failure", "unless-stopped"]
    stop_grace_period: Annotated[str, Field(pattern=r"^[0-9]+s$")]
    logging: Logging


class Compose(_Strict):
    """A compose file."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
    services: dict[str, Service]
    volumes: dict[str, None]


def read_compose(path: Path) -> Compose:
    """The compose file. Raises pydantic's ValidationError."""
    return Compose.model_validate(YAML(typ="safe", pure=True).load(path))


_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(:?[?+-])?[^}]*\}")


def required_variables(text: str) -> set[str]:
    """The `${NAME:?…}` of a text; any other form is not found, and so no variable of ours."""
    return {found[1] for found in _VARIABLE.finditer(text) if found[2] == ":?"}


def all_variables(text: str) -> set[str]:
    """Every `${NAME…}` of a text."""
    return {found[1] for found in _VARIABLE.finditer(text)}
