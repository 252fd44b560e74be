"""What can be commanded about the time after a call: write something down, and read what is written down."""

from typing import Literal

from pydantic import Field

from cti_bridge.calls.after_call import StepKind
from cti_bridge.database import DatabaseUnusable
from cti_bridge.desk.after.after_call import AfterCalls
from cti_bridge.desk.after.after_checks import FIELDS, LONGEST_NOTE, LONGEST_TEXT, Changes, WrongField
from cti_bridge.domain.ids import CallId
from cti_bridge.domain.operator import Operator
from cti_bridge.operators.command_list import Answer, Args, Command, CommandList, CommandRefused


class FeedbackArgs(Args):
    """What the caller thought."""

    score: int | None = Field(default=None, ge=1, le=5)
    text: str = Field(default="", max_length=LONGEST_TEXT)


class StepArgs(Args):
    """What is to be done, and when: ISO 8601 with an offset."""

    at: str = Field(min_length=1, max_length=40)
    text: str = Field(default="", max_length=LONGEST_TEXT)
    kind: Literal["callback", "task"]


class AfterSaveArgs(Args):
    """What is left out stays as it is, null takes back. `done`: nothing more is to come."""

    call: str = Field(min_length=1, max_length=200)
    outcome: str | None = Field(default=None, max_length=32)
    note: str | None = Field(default=None, max_length=LONGEST_NOTE)
    feedback: FeedbackArgs | None = None
    next_step: StepArgs | None = None
    done: bool = False


class AfterGetArgs(Args):
    """Which call."""

    call: str = Field(min_length=1, max_length=200)


class FeedbackModel(Answer):
    """What the caller thought."""

    score: int | None
    text: str


class StepModel(Answer):
    """What is to be done, and when."""

    at: str
    text: str
    kind: StepKind


class AfterModel(Answer):
    """What he has written down about a call; `missing` are the fields that he has still to fill in."""

    call: str
    outcome: str | None
    note: str
    feedback: FeedbackModel
    next_step: StepModel | None
    saved_at: str
    missing: list[str]


class SavedAnswer(Answer):
    """It as it is kept now."""

    after: AfterModel


class AfterAnswer(Answer):
    """It, or null where nothing is written down."""

    after: AfterModel | None


class AfterCommands:
    """Carries them out."""

    def __init__(self, after: AfterCalls) -> None:
        self._after = after

    def offer_to(self, commands: CommandList) -> None:
        """Add them to the list of commands."""
        commands.offer(
            Command("after.save", AfterSaveArgs, self.save, "Write down what came of one of his calls.", SavedAnswer)
        )
        commands.offer(
            Command(
                "after.get", AfterGetArgs, self.get, "What he has written down about one of his calls.", AfterAnswer
            )
        )

    async def save(self, operator: Operator, args: AfterSaveArgs) -> SavedAnswer:
        """Write down what is given."""
        feedback, step = args.feedback or FeedbackArgs(), args.next_step
        changes = Changes(
            given=frozenset(args.model_fields_set & set(FIELDS)),
            outcome=args.outcome,
            note=args.note,
            score=feedback.score,
            feedback=feedback.text,
            at=step.at if step else "",
            text=step.text if step else "",
            kind=step.kind if step else "",
        )
        try:
            view = await self._after.save(operator.id, CallId(args.call), changes, through=args.done)
        except WrongField as error:
            raise CommandRefused("bad_args", str(error)) from None
        except DatabaseUnusable:
            raise CommandRefused("unavailable", "the journal cannot be written at the moment") from None
        return SavedAnswer(after=AfterModel.model_validate(view))

    async def get(self, operator: Operator, args: AfterGetArgs) -> AfterAnswer:
        """What is written down."""
        try:
            view = await self._after.find(operator.id, CallId(args.call))
        except DatabaseUnusable:
            raise CommandRefused("unavailable", "the journal cannot be read at the moment") from None
        return AfterAnswer(after=AfterModel.model_validate(view) if view is not None else None)
