"""A request as the settings describe it, with its placeholders filled in. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from cti_bridge.crm.generic.templates import Template, Values, filled_tree, names_in


@dataclass(frozen=True, slots=True)
class Filled:
    """A request that can be sent. It holds customer data."""

    method: str
    path: str = field(repr=False)
    params: tuple[tuple[str, str], ...] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    json: Any = field(repr=False)
    form: Mapping[str, str] | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Request:
    """One request; `statuses` are those besides success that the settings give a meaning to."""

    what: str
    """Its key in the settings, for messages."""
    method: str
    path: Template
    query: Mapping[str, Template]
    headers: Mapping[str, Template]
    body: Any
    form: Mapping[str, Template] | None
    statuses: frozenset[int]

    @property
    def names(self) -> frozenset[str]:
        """The placeholders in it."""
        texts = [self.path, *self.query.values(), *self.headers.values(), *(self.form or {}).values()]
        return names_in(texts) | names_in(self.body)

    def filled(self, values: Values) -> Filled:
        """The request for these values; parameters, headers and members without one are left out. Raises Unfit."""
        headers = {name: template.in_header(values) for name, template in self.headers.items()}
        return Filled(
            self.method,
            self.path.in_path(values),
            tuple(_parameters(self.query, values)),
            {name: text for name, text in headers.items() if text is not None},
            filled_tree(self.body, values),
            None if self.form is None else _texts(self.form, values),
        )


def _parameters(templates: Mapping[str, Template], values: Values) -> Iterator[tuple[str, str]]:
    """Parameters without a value are left out; a list is one with commas, or one for each where the name ends in []."""
    for name, template in templates.items():
        several = template.alone.value(values) if template.alone is not None and name.endswith("[]") else None
        text = template.text(values)
        if isinstance(several, list):
            yield from ((name, one) for one in several)
        elif text is not None:
            yield name, text


def _texts(templates: Mapping[str, Template], values: Values) -> dict[str, str]:
    filled = {name: template.text(values) for name, template in templates.items()}
    return {name: text for name, text in filled.items() if text is not None}
