"""The commands of the card: their arguments, their answers, and what they are called."""

from typing import Literal

from pydantic import Field

from cti_bridge.calls.journal_edits import Edit, EditKind, EditState
from cti_bridge.desk.customers.customer_desk import CustomerDesk
from cti_bridge.desk.customers.edits import edit_view
from cti_bridge.domain.ids import CallId
from cti_bridge.domain.operator import Operator
from cti_bridge.operators.command_list import Answer, Args, Command, CommandList

_LONGEST = 5_000
"""Characters of any text; each has a shorter limit of its own."""


class ChooseArgs(Args):
    """Who of the candidates calls."""

    call: str = Field(min_length=1, max_length=200)
    customer: str = Field(min_length=1, max_length=200)


class FieldsArgs(Args):
    """Fields of a customer; what is left out is not meant."""

    name: str | None = Field(default=None, max_length=_LONGEST)
    email: str | None = Field(default=None, max_length=_LONGEST)
    city: str | None = Field(default=None, max_length=_LONGEST)
    segment: str | None = Field(default=None, max_length=_LONGEST)
    preferred_channel: str | None = Field(default=None, max_length=_LONGEST)


class CardSaveArgs(Args):
    """What is to be known of the customer, and what the operator saw in the same fields before he changed them.

    `customer` is whom he saw there: a colleague may have said meanwhile that somebody else calls.
    """

    call: str = Field(min_length=1, max_length=200)
    changes: FieldsArgs
    seen: FieldsArgs
    customer: str | None = Field(default=None, min_length=1, max_length=200)


class SettleArgs(Args):
    """What counts: what the operator wants, or what the CRM has."""

    edit: str = Field(min_length=1, max_length=200)
    keep: Literal["mine", "theirs"]


class DealArgs(Args):
    """The deal that begins with the call."""

    title: str = Field(max_length=_LONGEST)


class CreateArgs(Args):
    """Who calls; his number is that of the call."""

    call: str = Field(min_length=1, max_length=200)
    name: str = Field(max_length=_LONGEST)
    email: str | None = Field(default=None, max_length=_LONGEST)
    city: str | None = Field(default=None, max_length=_LONGEST)
    deal: DealArgs | None = None


class NoteArgs(Args):
    """What is to be written down about the customer; `customer` is whom the operator saw there, as in CardSaveArgs."""

    call: str = Field(min_length=1, max_length=200)
    text: str = Field(max_length=_LONGEST)
    customer: str | None = Field(default=None, min_length=1, max_length=200)


class EditModel(Answer):
    """One change on its way to the CRM; `theirs` is what the CRM has where it was changed meanwhile."""

    id: str
    kind: EditKind
    state: EditState
    changes: dict[str, str]
    theirs: dict[str, str]
    reason: str


class EditAnswer(Answer):
    """The change as it is kept now; null for one that was given up."""

    edit: EditModel | None


class CardCommands:
    """Offers them and carries them out."""

    def __init__(self, desk: CustomerDesk) -> None:
        self._desk = desk

    def offer_to(self, commands: CommandList) -> None:
        """Add them to the list of commands."""
        for command in (
            Command("card.choose", ChooseArgs, self.choose, "Say which of several customers with one number calls."),
            Command("card.save", CardSaveArgs, self.save, "Change what the CRM knows of the customer.", EditAnswer),
            Command("card.settle", SettleArgs, self.settle, "Decide about a change that cannot go on.", EditAnswer),
            Command("card.create", CreateArgs, self.create, "Make an unknown caller a customer.", EditAnswer),
            Command("card.note", NoteArgs, self.note, "Write a note on the customer into the CRM.", EditAnswer),
        ):
            commands.offer(command)

    async def choose(self, operator: Operator, args: ChooseArgs) -> None:
        """One of the candidates is the customer of the call."""
        await self._desk.choose(operator.id, CallId(args.call), args.customer)

    async def save(self, operator: Operator, args: CardSaveArgs) -> EditAnswer:
        """Keep changes of the customer."""
        changes, seen = args.changes.model_dump(), args.seen.model_dump()
        return _answer(await self._desk.save(operator.id, CallId(args.call), changes, seen, meant=args.customer))

    async def settle(self, operator: Operator, args: SettleArgs) -> EditAnswer:
        """Carry on with a change, or give it up."""
        return _answer(await self._desk.settle(operator.id, args.edit, keep_mine=args.keep == "mine"))

    async def create(self, operator: Operator, args: CreateArgs) -> EditAnswer:
        """Keep somebody new, with his deal."""
        texts = {"name": args.name, "email": args.email, "city": args.city}
        title = args.deal.title if args.deal is not None else None
        return _answer(await self._desk.create(operator.id, CallId(args.call), texts, title))

    async def note(self, operator: Operator, args: NoteArgs) -> EditAnswer:
        """Keep a note."""
        return _answer(await self._desk.note(operator.id, CallId(args.call), args.text, meant=args.customer))


def _answer(edit: Edit | None) -> EditAnswer:
    return EditAnswer(edit=EditModel.model_validate(edit_view(edit)) if edit is not None else None)
