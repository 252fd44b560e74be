"""Checks a CEL expression when the rule file is read: does it compile, which facts does it ask for, is it bounded."""

import re
from collections.abc import Collection
from dataclasses import dataclass

from cti_bridge.routing.cel_engine import cel
from cti_bridge.routing.expression_comparisons import (
    TEXT_METHODS,
    Comparison,
    Complaint,
    Token,
    a,
    comparisons,
    kind_of,
    method_on,
    mismatch,
)
from cti_bridge.routing.expressions import Expression
from cti_bridge.routing.problems import quoted, suggestion
from cti_bridge.routing.vocabulary import (
    CALL_FACTS,
    CLASS,
    CLASS_IN_CEL,
    CUSTOMER_FACTS,
    DEAL_FIELDS,
    DEALS,
    LINE_FACTS,
    ROOTS,
    FactType,
)

MAX_LENGTH = 1000
MAX_MACROS = 3

_MACROS = {"all", "exists", "exists_one", "filter", "map"}
_METHODS = {*TEXT_METHODS, "size"} | _MACROS
_FUNCTIONS = {"has", "size", "int", "uint", "double", "string", "matches", "type", "dyn"}
_LITERALS = {"true", "false", "null", "in"}
_FIELDS: dict[str, Collection[str]] = {
    "call": [*CALL_FACTS, CLASS],
    "line": [*LINE_FACTS],
    "customer": [*CUSTOMER_FACTS],
    "deal": ["known", *DEAL_FIELDS],
}
_TOKEN = re.compile(
    r"""
      (?P<space>\s+|//[^\n]*)
    | (?P<string>(?:[bB]?[rR])(?:\"{3}.*?\"{3}|'{3}.*?'{3}|"[^"\n\r]*"|'[^'\n\r]*')
        |[bB]?(?:\"{3}(?:\\.|[^\\])*?\"{3}|'{3}(?:\\.|[^\\])*?'{3}|"(?:\\.|[^"\\\n\r])*"|'(?:\\.|[^'\\\n\r])*'))
    | (?P<number>(?:0[xX][0-9a-fA-F]+|[0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?)[uU]?)
    | (?P<word>[_a-zA-Z][_a-zA-Z0-9]*)
    | (?P<sign>[=!<>]=|&&|\|\||.)
    """,
    re.VERBOSE | re.DOTALL,
)
_PARSE_ERROR = re.compile(r"ERROR: <input>:(\d+):(\d+): (?:Syntax error: )?([^\n]*)")


@dataclass(frozen=True, slots=True)
class Checked:
    """The outcome: an expression when there are no complaints; `pointless` is what can be computed, but never holds."""

    expression: Expression | None
    complaints: tuple[Complaint, ...]
    comparisons: tuple[Comparison, ...] = ()
    pointless: tuple[Complaint, ...] = ()


def check_expression(source: str) -> Checked:
    """Compiles and inspects one expression; what is wrong comes back as complaints, nothing is raised."""
    if len(source) > MAX_LENGTH:
        return Checked(None, (Complaint(0, f"the expression is longer than {MAX_LENGTH} characters"),))
    try:
        program = cel.compile(source)
    except ValueError as error:
        return Checked(None, (_parse_error(source, str(error)),))
    tokens = [
        Token(match.lastgroup or "", match.group(), match.start())
        for match in _TOKEN.finditer(source)
        if match.lastgroup != "space"
    ]
    reader = _Reader(tokens)
    reader.read()
    if not reader.complaints and set(program.variables()) - reader.variables:
        # the library sees a name that the tokens did not show: never trust such an expression
        reader.complaints.append(Complaint(0, "the expression cannot be understood"))
    if reader.complaints:
        return Checked(None, tuple(reader.complaints))
    facts = tuple(dict.fromkeys(reader.facts))
    return Checked(Expression(source, facts, program), (), tuple(reader.comparisons), tuple(reader.pointless))


def _parse_error(source: str, text: str) -> Complaint:
    if not source.strip():
        return Complaint(0, "the expression is empty")
    match = _PARSE_ERROR.search(text)
    if match is None:
        return Complaint(0, "this is not CEL")
    line, column, message = int(match.group(1)), int(match.group(2)), match.group(3)
    offset = sum(len(part) + 1 for part in source.split("\n")[: line - 1]) + column - 1
    message = " ".join(re.sub(r" expecting \{.*", "", message).split())  # it quotes the text, line breaks and all
    return Complaint(min(offset, len(source)), f"this is not CEL: {message[:120]}")


class _Reader:
    """Walks the tokens of one expression once."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._bound: set[str] = set()
        self._open: list[bool] = []  # per open bracket: does it belong to a macro
        self._macros = 0
        self._closed_macro = -1
        self.facts: list[str] = []
        self.variables: set[str] = set()
        self.complaints: list[Complaint] = []
        self.pointless: list[Complaint] = []
        self.comparisons: list[Comparison] = []

    def read(self) -> None:
        for index, token in enumerate(self._tokens):
            if token.text in {"(", "[", "{"} and token.kind == "sign":
                self._open.append(self._is_macro(index - 1))
            elif token.text in {")", "]", "}"} and token.kind == "sign" and self._open:
                if self._open.pop():
                    self._closed_macro = index
            elif token.kind == "word":
                self._word(index, token)
        self._result()
        if self._macros > MAX_MACROS:
            self._complain(self._tokens[0], f"more than {MAX_MACROS} of {', '.join(sorted(_MACROS))}")

    def _result(self) -> None:
        """An expression that is one value and no question."""
        if not self._tokens:
            return
        first, alone = self._tokens[0], len(self._tokens) == 1
        if alone and first.kind in {"string", "number"}:
            kind = FactType.TEXT if first.kind == "string" else FactType.NUMBER
            self.pointless.append(Complaint(first.offset, f"the result is {a(kind)}, not true or false"))
        elif (
            len(self._tokens) == 3
            and self._tokens[1].text == "."
            and len(self.facts) == 1
            and kind_of(self.facts[0]) is not FactType.FLAG
        ):
            kind = kind_of(self.facts[0])
            self.pointless.append(Complaint(first.offset, f"the result is {a(kind)}, not true or false"))

    def _word(self, index: int, token: Token) -> None:
        called = self._text(index + 1) == "("
        if self._text(index - 1) == ".":
            if called:
                self._method(index, token)
            return  # a field: looked at together with the word in front of it
        if called:
            if token.text not in _FUNCTIONS:
                self._complain(token, f"unknown function {quoted(token.text)}", suggestion(token.text, _FUNCTIONS))
            elif token.text == "matches" and any(self._open):
                self._complain(token, "`matches` inside a macro", "use contains, startsWith or endsWith")
        elif token.text in ROOTS:
            self._fact(index, token)
        elif token.text == DEALS:
            self._refer(index, index, DEALS)
            self.variables.add(DEALS)
        elif token.text in self._bound:
            self._bound_field(index)
        elif token.text == CLASS:
            self._complain(token, "`class` is a reserved word in CEL", f"write `{CLASS_IN_CEL}`")
        elif token.text not in _LITERALS:
            self._complain(token, f"unknown fact {quoted(token.text)}", suggestion(token.text, [*ROOTS, DEALS]))

    def _fact(self, index: int, token: Token) -> None:
        field = self._token(index + 2)
        known = _FIELDS[token.text]
        if self._text(index + 1) != "." or field is None or field.kind != "word":
            self._complain(token, f"`{token.text}` needs a field", f"such as `{token.text}.{next(iter(known))}`")
        elif field.text not in known:
            name = f"{token.text}.{field.text}"
            hint = suggestion(field.text, known)
            self._complain(token, f"unknown fact {quoted(name)}", hint or f"known: {', '.join(known)}")
        else:
            self._refer(index, index + 2, f"{token.text}.{field.text}")
        self.variables.add(token.text)

    def _bound_field(self, index: int) -> None:
        field = self._token(index + 2)
        if self._text(index + 1) != "." or field is None or self._text(index + 3) == "(":
            return
        if field.text not in DEAL_FIELDS:
            hint = suggestion(field.text, DEAL_FIELDS, f"known: {', '.join(DEAL_FIELDS)}")
            self._complain(field, f"a deal has no {quoted(field.text)}", hint)
        else:
            self._compare(index, index + 2, f"deal.{field.text}")

    def _method(self, index: int, token: Token) -> None:
        if token.text not in _METHODS:
            self._complain(token, f"unknown function {quoted(token.text)}", suggestion(token.text, _METHODS))
        elif token.text in _MACROS:
            self._macro(index, token)
        elif token.text == "matches" and any(self._open):
            self._complain(token, "`matches` inside a macro", "use contains, startsWith or endsWith")

    def _macro(self, index: int, token: Token) -> None:
        self._macros += 1
        over_deals = self._text(index - 2) == DEALS and self._text(index - 3) != "."
        over_macro = self._text(index - 2) == ")" and self._closed_macro == index - 2
        if not (over_deals or over_macro):
            self._complain(token, f"`{token.text}` works on `deals` only")
        if any(self._open):
            self._complain(token, f"`{token.text}` inside another macro")
        variable = self._token(index + 2)
        if variable is None or variable.kind != "word" or variable.text in {*ROOTS, DEALS, CLASS}:
            self._complain(token, f"`{token.text}` needs a name of its own for one deal", "such as `d`")
            return
        self._bound.add(variable.text)
        self.variables.add(variable.text)

    def _refer(self, start: int, end: int, fact: str) -> None:
        self.facts.append(fact)
        self._compare(start, end, fact)

    def _compare(self, start: int, end: int, fact: str) -> None:
        """Notes what the fact that these tokens name is compared with, and what is asked of it."""
        for compared in comparisons(self._tokens, start, end, fact):
            wrong = mismatch(compared)
            if wrong is not None:
                self.pointless.append(wrong)
            elif compared.kind is FactType.TEXT and compared.equal:
                self.comparisons.append(compared)
        if (wrong := method_on(self._tokens, end, fact)) is not None:
            self.pointless.append(wrong)

    def _is_macro(self, index: int) -> bool:
        return self._text(index) in _MACROS and self._text(index - 1) == "."

    def _token(self, index: int) -> Token | None:
        return self._tokens[index] if 0 <= index < len(self._tokens) else None

    def _text(self, index: int) -> str:
        token = self._token(index)
        return token.text if token is not None and token.kind != "string" else ""

    def _complain(self, token: Token, message: str, hint: str = "") -> None:
        self.complaints.append(Complaint(token.offset, message, hint))
