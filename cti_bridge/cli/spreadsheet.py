"""Text from outside on its way into a CSV file that somebody will open in a spreadsheet."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def harmless(cell: str) -> str:
    """The cell so that a spreadsheet shows it and computes nothing: an apostrophe before what would be a formula.

    Spaces before it do not help against every spreadsheet, so they do not count.
    """
    return "'" + cell if cell.lstrip(" ").startswith(_FORMULA) else cell
