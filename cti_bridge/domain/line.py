"""A line: what it means that a caller dialled this very number."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """One number that callers dial, as the admin described it; what was not described is empty.

    `did` is in E.164 where it can be, `channel` the advertising source that has this number, `zone` the IANA time zone
    of the line's city, `language` a language of Asterisk such as `ru` or `en_GB`.
    """

    did: str
    name: str = ""
    channel: str = ""
    city: str = ""
    direction: str = ""
    zone: str = ""
    language: str = ""

    @property
    def label(self) -> str:
        """The shortest text by which people know the line: its name, else channel and city, else the number."""
        return self.name or ", ".join(text for text in (self.channel, self.city) if text) or self.did
