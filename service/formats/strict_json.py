"""JSON from strangers -> Python values in which every text is fit to be stored."""

from typing import Any

from models import strict_json
from service import limits
from service.errors import FieldNotValid, InputError, MalformedJson, NumberNotFinite, UnknownOrRepeatedField
from service.formats.texts import check_text, shown_name

_HOLDS_TEXT = (str, dict, list)


def parse_json(data: bytes, *, place: str = "") -> Any:
    """The value that the bytes hold, checked throughout.

    Args:
        data: one JSON document.
        place: where it stands, put before the place in an error, e.g. ``line 3``.

    Raises:
        MalformedJson: not JSON, not UTF-8, a byte order mark, nested too deeply, an endless integer.
        FieldNotValid: an object has too many fields.
        UnknownOrRepeatedField: a key stands twice in one object.
        NumberNotFinite: NaN, Infinity or a number beyond the range of a float.
        TextNotValidUnicode: half of a surrogate pair, in a key or a value.
        TextHasControlCharacters: a control character other than tab and line ends.
    """
    try:
        value = strict_json.parse_strict_json(data)
    except strict_json.KeyRepeated as error:
        detail = f"The field {shown_name(error.key)} stands twice in one object."
        raise UnknownOrRepeatedField(detail, place=place or None) from error
    except strict_json.NumberNotFinite as error:
        raise NumberNotFinite(place=place or None) from error
    except strict_json.NotStrictJson as error:
        raise MalformedJson(f"The JSON {error}.", place=place or None) from error
    try:
        _check(value, 1)
    except (InputError, MalformedJson) as error:
        raise _within(place, error) from None
    return value


def _check(value: object, depth: int) -> None:
    """Each text, and how deep it lies. An error gathers its place on the way up: there are few errors."""
    if isinstance(value, str):
        check_text(value, place=None)
        return
    if depth > limits.MAX_JSON_DEPTH:
        raise MalformedJson(f"The JSON is nested deeper than {limits.MAX_JSON_DEPTH} levels.")
    if isinstance(value, dict):
        _check_object(value, depth)
    elif isinstance(value, list):
        _check_list(value, depth)


def _check_object(value: dict[str, Any], depth: int) -> None:
    if len(value) > limits.MAX_FIELDS_PER_OBJECT:
        raise FieldNotValid(f"An object may have at most {limits.MAX_FIELDS_PER_OBJECT} fields.")
    for key, child in value.items():
        check_text(key, place=None)
        if isinstance(child, _HOLDS_TEXT):
            try:
                _check(child, depth + 1)
            except InputError as error:
                raise _within(shown_name(key), error) from None


def _check_list(value: list[Any], depth: int) -> None:
    for index, child in enumerate(value):
        if isinstance(child, _HOLDS_TEXT):
            try:
                _check(child, depth + 1)
            except InputError as error:
                raise _within(f"[{index}]", error) from None


def _within(outer: str, error: InputError | MalformedJson) -> InputError | MalformedJson:
    """The same error, its place seen from further out."""
    inner = error.place or ""
    dot = "." if outer and inner and not inner.startswith("[") else ""
    return type(error)(error.detail, place=f"{outer}{dot}{inner}" or None)
