"""JSON read without the leniency of the standard library: one meaning, or an error."""

import json
from typing import NoReturn, TypeAlias

JsonValue: TypeAlias = "dict[str, JsonValue] | list[JsonValue] | str | int | float | bool | None"


class NotStrictJson(ValueError):
    """These bytes are not JSON that every parser reads the same way."""


def parse_strict_json(data: bytes) -> JsonValue:
    """The value that ``data`` holds.

    Refused beside broken JSON: any encoding but UTF-8, a byte order mark, ``NaN`` and ``Infinity``, a key
    twice in one object (parsers differ in which one wins), nesting and integers beyond Python's limits.

    Raises:
        NotStrictJson: with a plain reason that quotes nothing of ``data``.
    """
    try:
        value: JsonValue = json.loads(
            data.decode("utf-8"), object_pairs_hook=_without_repeated_keys, parse_constant=_refuse_constant
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
    unique = dict(pairs)
    if len(unique) != len(pairs):
        raise NotStrictJson("repeats a key within one object")
    return unique


def _refuse_constant(_name: str) -> NoReturn:
    raise NotStrictJson("holds NaN or Infinity")
