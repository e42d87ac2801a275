"""Query parameters of lists that are read page by page."""

import re
from typing import Annotated

from fastapi import Query
from pydantic import BeforeValidator
from pydantic_core import PydanticKnownError

from service import limits

INTEGER = re.compile(r"-?[0-9]{1,19}")


def plain_integer(given: object) -> object:
    """Digits and nothing else: pydantic itself also reads ``1_000``, ``1.0`` and ``" 1"``."""
    if isinstance(given, str) and not INTEGER.fullmatch(given):
        raise PydanticKnownError("int_parsing")
    return given


Limit = Annotated[
    int, BeforeValidator(plain_integer), Query(ge=1, le=limits.MAX_PAGE, description="Entries on a page.")
]
Cursor = Annotated[
    str | None, Query(max_length=limits.MAX_LABEL_CHARACTERS, description="`next_cursor` of the page before.")
]
