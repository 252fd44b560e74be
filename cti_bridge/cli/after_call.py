"""What an operator wrote down about a call, as a terminal and a program get it."""

from cti_bridge.calls.after_call import AfterCall
from cti_bridge.domain.moments import iso_time


def after_json(after: AfterCall) -> dict[str, object]:
    """It for a program: times in ISO 8601, null for nothing."""
    step = after.next_step
    return {
        "operator": after.operator,
        "outcome": after.outcome or None,
        "note": after.note or None,
        "feedback": {"score": after.score, "text": after.feedback or None},
        "next_step": {"kind": step.kind.value, "at": iso_time(step.at), "text": step.text or None} if step else None,
        "saved_at": iso_time(after.saved_at),
        "finished_at": iso_time(after.finished_at) if after.finished_at is not None else None,
    }


def after_lines(after: AfterCall) -> list[str]:
    """It for a person, who wrote it in front of each line."""
    step = after.next_step
    said = {
        "outcome": after.outcome,
        "note": after.note,
        "rating": f"{after.score} of 5" if after.score is not None else "",
        "feedback": after.feedback,
        "next": f"{step.kind.value} {iso_time(step.at)} {step.text}".rstrip() if step else "",
    }
    return [f"{after.operator}: {name} {text}" for name, text in said.items() if text]
