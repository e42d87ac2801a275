"""JSON read without the leniency of the standard library: one meaning, or an error."""

import json
import math
from typing import NoReturn, TypeAlias

JsonValue: TypeAlias = "dict[str, JsonValue] | list[JsonValue] | str | int | float | bool | None"


class NotStrictJson(ValueError):
    """These bytes are not JSON that every parser reads the same way."""


class KeyRepeated(NotStrictJson):
    """A key stands twice in one object, and parsers differ in which one wins.

    Attributes:
        key: the key.
    """

    def __init__(self, key: str) -> None:
        super().__init__("repeats a key within one object")
        self.key = key


class NumberNotFinite(NotStrictJson):
    """NaN, Infinity, or a number beyond the range of a float."""

    def __init__(self) -> None:
        super().__init__("holds NaN, Infinity or a number beyond the range of a float")


def parse_strict_json(data: bytes) -> JsonValue:
    """The value that ``data`` holds.

    Refused beside broken JSON: any encoding but UTF-8, a byte order mark, numbers that are not finite, a
    key twice in one object, nesting and integers beyond Python's limits.

    Raises:
        NotStrictJson: with a plain reason that quotes nothing of ``data``; ``KeyRepeated`` and
            ``NumberNotFinite`` where that is the reason.
    """
    try:
        value: JsonValue = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_without_repeated_keys,
            parse_constant=_refuse_constant,
            parse_float=_finite,
        )
    except UnicodeDecodeError as error:
        raise NotStrictJson("is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise NotStrictJson(f"is not valid JSON in line {error.lineno}") from error
    except RecursionError as error:
        raise NotStrictJson("is nested too deeply") from error
    except NotStrictJson:
        raise
    except ValueError as error:
        raise NotStrictJson("holds an integer with too many digits") from error
    return value


def _without_repeated_keys(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    unique: dict[str, JsonValue] = {}
    for key, value in pairs:
        if key in unique:
            raise KeyRepeated(key)
        unique[key] = value
    return unique


def _refuse_constant(_name: str) -> NoReturn:
    raise NumberNotFinite


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise NumberNotFinite
    return number
