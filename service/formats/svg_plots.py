"""Plots as SVG: few kinds, each readable in print and without colour."""

import html
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

BLUE, ORANGE, GREY, GRID = "#1f5fa8", "#c2571a", "#7b8794", "#e1e6ec"
COLOURS = (BLUE, ORANGE, "#3c7d4c", "#7a4a9c")
DASHES = ("", "6 3", "2 3", "8 3 2 3")

WIDTH, HEIGHT = 640, 320
LEFT, RIGHT, TOP, BOTTOM = 52, 16, 14, 44
LEGEND_WIDTH = 270
ROW, LABEL_WIDTH, SCALE_WIDTH = 24, 300, 420
LONGEST_LABEL = 42

Point = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of a plot.

    Attributes:
        points: its places, x and y in the units of the axes.
        low: where the interval of each point begins; empty for none.
        high: where it ends.
        dots: whether the points are marked.
    """

    label: str
    points: Sequence[Point]
    low: Sequence[float | None] = ()
    high: Sequence[float | None] = ()
    dots: bool = True


def line_plot(
    lines: Sequence[Line],
    *,
    title: str,
    x_label: str,
    y_label: str,
    x_ticks: Sequence[tuple[float, str]] | None = None,
    diagonal: bool = False,
) -> str:
    """Lines over two axes; y from 0 to 1.

    Args:
        lines: at most four.
        title: what a screen reader says.
        x_label: what the x axis counts.
        y_label: what the y axis counts.
        x_ticks: places and texts on the x axis; None for 0 to 1.
        diagonal: whether the line y = x is drawn.
    """
    ticks = x_ticks or [(step / 5, f"{step / 5:.1f}") for step in range(6)]
    x, y = _scales(ticks)
    parts = list(_axes(ticks, x, y, x_label, y_label))
    if diagonal:
        parts.append(_stroke([(x(0), y(0)), (x(1), y(1))], GREY, "3 3"))
    for number, line in enumerate(lines):
        parts += _line(line, COLOURS[number % len(COLOURS)], DASHES[number % len(DASHES)], x, y)
    if len(lines) > 1:
        parts += _legend([line.label for line in lines])
    return _svg(WIDTH + (LEGEND_WIDTH if len(lines) > 1 else 0), HEIGHT, title, parts)


def interval_plot(
    rows: Sequence[tuple[str, Mapping[str, Any], int]],
    *,
    title: str,
    lowest: float = 0.0,
    reference: float | None = None,
) -> str:
    """A row for each figure: a dot with its interval on one scale from ``lowest`` to 1.

    Args:
        rows: label, figure (``value``, ``low``, ``high``), and the number of its colour.
        title: what a screen reader says.
        lowest: where the scale begins, unless a figure lies below.
        reference: where an upright line is drawn.
    """
    shown = [row for row in rows if row[1]["value"] is not None]
    if not shown:
        return ""
    ends = [float(row[1][key]) for row in shown for key in ("value", "low") if row[1][key] is not None]
    start = min(lowest, int(min(ends) * 5 - 1) / 5 if min(ends) < lowest else lowest)
    height = ROW * len(shown) + 34

    def x(value: float) -> float:
        return LABEL_WIDTH + SCALE_WIDTH * (min(max(value, start), 1) - start) / (1 - start)

    parts = []
    count = round((1 - start) * 5)
    for step in range(count + 1):
        at = start + step / 5
        parts.append(_stroke([(x(at), 4), (x(at), height - 28)], GRID))
        parts.append(_text(x(at), height - 10, f"{at:.1f}".replace("-", "−"), "middle"))  # noqa: RUF001 - a minus sign
    if reference is not None:
        parts.append(_stroke([(x(reference), 4), (x(reference), height - 28)], GREY, "4 3"))
    for number, (label, found, colour) in enumerate(shown):
        parts += _interval_row(ROW * number + 16, label, found, COLOURS[colour % len(COLOURS)], x)
    return _svg(LABEL_WIDTH + SCALE_WIDTH + 24, height, title, parts)


def _interval_row(
    at: float, label: str, found: Mapping[str, Any], colour: str, x: Callable[[float], float]
) -> list[str]:
    parts = [_text(LABEL_WIDTH - 12, at + 4, _shortened(label), "end")]
    if found["low"] is not None:
        parts.append(_stroke([(x(found["low"]), at), (x(found["high"]), at)], colour, width=2.5))
    return [*parts, f'<circle cx="{x(found["value"]):.1f}" cy="{at:.1f}" r="4.5" fill="{colour}"/>']


def _shortened(label: str) -> str:
    return label if len(label) <= LONGEST_LABEL else label[: LONGEST_LABEL - 1] + "…"


def _scales(ticks: Sequence[tuple[float, str]]) -> tuple[Callable[[float], float], Callable[[float], float]]:
    first, last = ticks[0][0], ticks[-1][0]
    span = (last - first) or 1

    def x(value: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (value - first) / span

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * min(max(value, 0), 1)

    return x, y


def _axes(
    ticks: Sequence[tuple[float, str]],
    x: Callable[[float], float],
    y: Callable[[float], float],
    x_label: str,
    y_label: str,
) -> Iterable[str]:
    for step in range(6):
        yield _stroke([(LEFT, y(step / 5)), (WIDTH - RIGHT, y(step / 5))], GRID)
        yield _text(LEFT - 8, y(step / 5) + 4, f"{step / 5:.1f}", "end")
    for at, text in ticks:
        yield _text(x(at), HEIGHT - BOTTOM + 18, text, "middle")
    yield _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, x_label, "middle")
    yield (
        f'<text transform="rotate(-90)" x="{-(HEIGHT - BOTTOM + TOP) / 2:.1f}" y="14" text-anchor="middle">'
        f"{html.escape(y_label)}</text>"
    )


def _line(
    line: Line, colour: str, dash: str, x: Callable[[float], float], y: Callable[[float], float]
) -> Iterable[str]:
    bounds = [
        (at, low, high)
        for (at, _), low, high in zip(line.points, line.low, line.high, strict=False)
        if low is not None and high is not None
    ]
    for at, low, high in bounds:
        yield _stroke([(x(at), y(low)), (x(at), y(high))], colour, width=1.4)
        for end in (low, high):
            yield _stroke([(x(at) - 4, y(end)), (x(at) + 4, y(end))], colour, width=1.4)
    places = [(x(at), y(value)) for at, value in line.points]
    if len(places) > 1:
        yield _stroke(places, colour, dash, width=2)
    if line.dots:
        yield from (f'<circle cx="{at:.1f}" cy="{value:.1f}" r="4" fill="{colour}"/>' for at, value in places)


def _legend(labels: Sequence[str]) -> Iterable[str]:
    for number, label in enumerate(labels):
        at = TOP + 12 + 18 * number
        left = WIDTH + 8
        yield _stroke([(left, at - 4), (left + 26, at - 4)], COLOURS[number % 4], DASHES[number % 4], width=2)
        yield _text(left + 34, at, label, "start")


def _stroke(points: Sequence[Point], colour: str, dash: str = "", width: float = 1) -> str:
    places = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dashed = f' stroke-dasharray="{dash}"' if dash else ""
    return f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="{width}"{dashed}/>'


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{html.escape(text)}</text>'


def _svg(width: int, height: int, title: str, parts: Iterable[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img"><title>{html.escape(title)}</title>{"".join(parts)}</svg>'
    )
