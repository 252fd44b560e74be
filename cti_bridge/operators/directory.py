"""Who the operators are at one moment: a frozen view that answers without waiting for a disk."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from cti_bridge.domain.operator import Operator


@dataclass(frozen=True, slots=True)
class Directory:
    """All operators, found by id, by the interface of a phone and by their user in the CRM."""

    _by_id: Mapping[str, Operator]
    _by_interface: Mapping[str, Operator]
    _by_crm_user: Mapping[str, Operator]

    @classmethod
    def of(cls, operators: Iterable[Operator]) -> "Directory":
        """The directory of these operators, ordered by id; the caller has made sure that no phone is in it twice."""
        ordered = sorted(operators, key=lambda operator: operator.id)
        return cls(
            MappingProxyType({operator.id: operator for operator in ordered}),
            MappingProxyType({phone: operator for operator in ordered for phone in operator.phones}),
            MappingProxyType({operator.crm_user: operator for operator in ordered if operator.crm_user}),
        )

    def get(self, operator: str) -> Operator | None:
        """The operator with this id."""
        return self._by_id.get(operator)

    def owner_of(self, interface: str) -> Operator | None:
        """The operator on whose desk this interface (`PJSIP/101`) rings, or None when it is nobody's phone."""
        return self._by_interface.get(interface)

    def by_crm_user(self, user: str) -> Operator | None:
        """The operator who is this user of the CRM."""
        return self._by_crm_user.get(user)

    def all(self) -> tuple[Operator, ...]:
        """Every operator, ordered by id."""
        return tuple(self._by_id.values())


NOBODY = Directory.of(())
"""The directory before any account has been read."""
