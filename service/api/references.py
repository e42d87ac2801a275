"""Ids in addresses: our own numbers, or ``ext:`` before an id that the caller gave."""

import re

from fastapi import Request

from service import limits
from service.errors import FieldNotValid, InvalidId
from service.formats.texts import CONTROL, SURROGATE
from service.storage.references import ExternalId, Ref

NUMBER = re.compile(r"[1-9][0-9]{0,18}")
PLACE = re.compile(r"([1-9][0-9]{0,18})\.([0-9]{1,9})")
EXTERNAL = "ext:"
ETAG = re.compile(r'"([1-9][0-9]{0,9})"')


def reference(given: str, place: str) -> Ref:
    """What an id in an address names.

    Raises:
        InvalidId: it is neither one of our numbers nor ``ext:`` and an id.
    """
    if given.startswith(EXTERNAL):
        return external_id(given.removeprefix(EXTERNAL), place)
    if not NUMBER.fullmatch(given) or int(given) > limits.MAX_INTEGER:
        raise InvalidId(f"An id must be a number from 1, or {EXTERNAL} and an id of yours.", place=place)
    return int(given)


def number(given: str, place: str) -> int:
    """One of our numbers in an address.

    Raises:
        InvalidId: it is none.
    """
    if not NUMBER.fullmatch(given) or int(given) > limits.MAX_INTEGER:
        raise InvalidId("An id must be a number from 1.", place=place)
    return int(given)


def external_id(given: str, place: str) -> ExternalId:
    """An id that a caller gives.

    Raises:
        InvalidId: it is empty, too long or holds control characters.
    """
    if not 1 <= len(given) <= limits.MAX_LABEL_CHARACTERS or CONTROL.search(given) or SURROGATE.search(given):
        raise InvalidId(f"An id must be a text of 1 to {limits.MAX_LABEL_CHARACTERS} characters.", place=place)
    return ExternalId(given)


def cursor_number(given: str | None) -> int:
    """The number after which a page begins; 0 for the first page.

    Raises:
        FieldNotValid: it is no cursor of ours.
    """
    if given is None:
        return 0
    if not NUMBER.fullmatch(given) or int(given) > limits.MAX_INTEGER:
        raise FieldNotValid("This is not a cursor of this list.", place="cursor")
    return int(given)


def cursor_place(given: str | None) -> tuple[int, int]:
    """The transcript and position after which a page of segments begins.

    Raises:
        FieldNotValid: it is no cursor of ours.
    """
    if given is None:
        return 0, -1
    match = PLACE.fullmatch(given)
    if match is None or int(match[1]) > limits.MAX_INTEGER:
        raise FieldNotValid("This is not a cursor of this list.", place="cursor")
    return int(match[1]), int(match[2])


def wanted_version(request: Request) -> int | None:
    """The version that If-Match names, 0 for ``If-None-Match: *``, None where neither is sent.

    Raises:
        FieldNotValid: If-Match is not one of our ETags.
    """
    if request.headers.get("if-none-match", "").strip() == "*":
        return 0
    given = request.headers.get("if-match")
    if given is None:
        return None
    match = ETAG.fullmatch(given.strip())
    if match is None:
        raise FieldNotValid("If-Match must be an ETag of this resource.", place="If-Match")
    return int(match[1])


def etag(version: int) -> str:
    """The ETag of a version."""
    return f'"{version}"'
