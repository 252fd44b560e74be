"""`cti-bridge crm check --stages`: the CRM's own stages as the part of the settings that gives them other names."""

import json
from collections.abc import Iterator

from cti_bridge.cli.crm_asking import ask
from cti_bridge.cli.terminal import printable
from cti_bridge.crm.port import Crm
from cti_bridge.domain.customer import StageList

_LIMIT_S = 30.0
_HEAD = """\
  # Every stage of the CRM, in its order. `id` is the word for it in the rules: change it to one that they use, such as
  # awaiting_payment. Stages that mean the same become one line with several ids in `in_crm`; what is `final` is over.
"""


def run_stages(crm: Crm) -> int:
    """Print them to be pasted below `crm:`. 0: they are there, 2: it cannot be asked, or names none."""
    stages = ask(crm, crm.stages, within_s=_LIMIT_S)
    if stages is None:
        return 2
    print(_HEAD, end="")
    print("  stages:")
    for line in _lines(stages):
        print(printable(line))
    return 0


def _lines(stages: StageList) -> Iterator[str]:
    for stage in sorted(stages.stages, key=lambda stage: stage.order):
        final = ", final: true" if stage.final else ""
        id_, name = _quoted(stage.id), _quoted(stage.name or stage.id)
        yield f"    - {{id: {id_}, in_crm: [{id_}], name: {name}, order: {stage.order}{final}}}"


def _quoted(text: str) -> str:
    """A text that is the same in YAML, whatever is in it."""
    return json.dumps(text[:80], ensure_ascii=False)
