"""Whether a page can be one: not too large, and not one of a CRM whose pages go round in circles for ever."""

from cti_bridge.crm.mirror.source import MirrorPage
from cti_bridge.crm.port import CrmUnavailable

_MOST_ON_A_PAGE = 5_000
_LONGEST_POSITION = 4_000
_MOST_PLACES = 100_000
"""Places in a row that are remembered; no CRM has so many pages."""


class PlacesSeen:
    """The places of the pages that came one after the other, since the beginning or the last end for now."""

    def __init__(self) -> None:
        self._seen: set[int] = set()

    def sound(self, page: MirrorPage, position: str) -> MirrorPage:
        """The page from `position`. Raises CrmUnavailable: whoever sends a bad one may send a better one later."""
        if len(page.customers) + len(page.deals) > _MOST_ON_A_PAGE:
            raise CrmUnavailable(f"a page of more than {_MOST_ON_A_PAGE} customers and deals")
        if len(page.position) > _LONGEST_POSITION:
            raise CrmUnavailable("a place in its changes that is too long to be kept")
        if not page.more or not position or len(self._seen) >= _MOST_PLACES:
            self._seen.clear()
        if page.more:
            self._seen.add(hash(position))
            if hash(page.position) in self._seen:
                raise CrmUnavailable("its pages do not go on")
        return page
