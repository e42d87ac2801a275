"""Cells of a csv file that people open in a spreadsheet: no text becomes a formula."""

# What makes a spreadsheet take a cell for a formula, also in full-width form and behind a quote.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20", '"', "\ufeff")


def spreadsheet_cell(value: str | int) -> str | int:
    """The value, with an apostrophe before it where a spreadsheet would take it for a formula.

    Also where it looks as if that had been done to it, so that taking the apostrophe off again gives the value.
    """
    return f"'{value}" if isinstance(value, str) and _is_formula(value.lstrip("'")) else value


def _is_formula(value: str) -> bool:
    return value.startswith(FORMULA_STARTS) and not _is_number(value)


def _is_number(value: str) -> bool:
    return value.isascii() and value[1:].replace(".", "", 1).isdigit() and value[0] in "+-"
