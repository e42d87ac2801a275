"""JSON from strangers -> Python values in which every text is fit to be stored."""

from typing import Any

from models import strict_json
from service import limits
from service.errors import MalformedJson, NumberNotFinite, UnknownOrRepeatedField
from service.formats.texts import check_text, shown_name


def parse_json(data: bytes, *, place: str = "") -> Any:
    """The value that the bytes hold, checked throughout.

    Args:
        data: one JSON document.
        place: where it stands, put before the place in an error, e.g. ``line 3``.

    Raises:
        MalformedJson: not JSON, not UTF-8, a byte order mark, nested too deeply, an endless integer.
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
    _check_texts(value, place)
    return value


def _check_texts(document: object, place: str) -> None:
    waiting: list[tuple[object, str, int]] = [(document, place, 1)]
    while waiting:
        value, where, depth = waiting.pop()
        if isinstance(value, str):
            check_text(value, place=where or None)
        elif isinstance(value, dict | list):
            if depth > limits.MAX_JSON_DEPTH:
                raise MalformedJson(
                    f"The JSON is nested deeper than {limits.MAX_JSON_DEPTH} levels.", place=place or None
                )
            waiting.extend((child, name, depth + 1) for child, name in _children(value, where))


def _children(value: dict[str, Any] | list[Any], where: str) -> list[tuple[object, str]]:
    if isinstance(value, list):
        return [(child, f"{where}[{index}]") for index, child in enumerate(value)]
    for key in value:
        check_text(key, place=where or None)
    dot = "." if where else ""
    return [(child, f"{where}{dot}{shown_name(key)}") for key, child in value.items()]
