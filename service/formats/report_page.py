"""Parts of a report: one HTML file that needs no script and no network. Whatever comes from a study is escaped."""

import html
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Figure = Mapping[str, Any]

STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; color: #1c2430;
  background: #fff; max-width: 62rem; margin: 2rem auto 4rem; padding: 0 1.25rem; overflow-wrap: break-word; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 .4rem; }
h2 { font-size: 1.25rem; margin: 2.6rem 0 .6rem; padding-top: .8rem; border-top: 1px solid #d8dee6; }
h3 { font-size: 1.02rem; margin: 1.4rem 0 .4rem; }
p { margin: .5rem 0; max-width: 48rem; }
.lead { font-size: 1.08rem; }
.quiet, figcaption, .note { color: #566273; font-size: .88rem; }
.warning { background: #fff6e0; border-left: 4px solid #d99a1c; padding: .5rem .9rem; margin: .8rem 0;
  max-width: 48rem; }
.wide { overflow-x: auto; margin: .8rem 0; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
th, td { padding: .28rem .7rem .28rem 0; text-align: right; vertical-align: top; border-bottom: 1px solid #e6eaef;
  white-space: nowrap; }
th { font-weight: 600; color: #3a4656; border-bottom: 1.5px solid #aab4c0; vertical-align: bottom;
  white-space: normal; }
th:first-child, td:first-child { text-align: left; white-space: normal; min-width: 15rem; }
td small { color: #6a7686; display: block; font-size: .8em; line-height: 1.2; }
.matrix td, .matrix th { padding: .2rem .15rem; text-align: center; min-width: 1.35rem; border: 1px solid #edf0f3; }
.matrix td:first-child { text-align: left; min-width: 13rem; max-width: 18rem; }
.matrix .shade { display: block; margin: -.2rem -.15rem; padding: .2rem .15rem; }
.figures td:nth-child(n+4), .figures th:nth-child(n+4), .confusions td:nth-child(2), .confusions td:nth-child(4),
.confusions th:nth-child(2), .confusions th:nth-child(4) { text-align: left; white-space: normal; padding-left: 1rem; }
figure { margin: 1rem 0; }
svg { max-width: 100%; height: auto; display: block; }
svg text { font: 12px system-ui, "Segoe UI", Roboto, Arial, sans-serif; fill: #3a4656; }
dl { max-width: 48rem; } dt { font-weight: 600; margin-top: .6rem; } dd { margin: 0; }
blockquote { margin: .6rem 0; padding: .2rem 1rem; border-left: 3px solid #cbd3dc; max-width: 48rem; }
@media print { body { max-width: none; margin: 0; } h2 { break-after: avoid; } figure, tr { break-inside: avoid; } }
"""
# Nothing is loaded and nothing runs, even if something of the study had slipped through.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def report(title: str, parts: Iterable[str]) -> str:
    """The whole page; ``parts`` are HTML."""
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escaped(title)}</title><style>{STYLE}</style></head><body>\n"
        f"<h1>{escaped(title)}</h1>\n" + "\n".join(part for part in parts if part) + "\n</body></html>\n"
    )


def escaped(text: object) -> str:
    """Text as HTML shows it."""
    return html.escape(str(text))


def heading(text: str) -> str:
    """A section begins."""
    return f"<h2>{escaped(text)}</h2>"


def paragraph(text: str, kind: str = "") -> str:
    """One paragraph of plain text."""
    return f'<p class="{kind}">{escaped(text)}</p>' if kind else f"<p>{escaped(text)}</p>"


def warnings(texts: Sequence[str]) -> str:
    """What to bear in mind, if anything."""
    return "".join(f'<p class="warning">{escaped(text)}</p>' for text in texts)


def figure(drawing: str, caption: str) -> str:
    """A drawing (SVG) with what it shows."""
    return f"<figure>{drawing}<figcaption>{escaped(caption)}</figcaption></figure>" if drawing else ""


def table(header: Sequence[str], rows: Iterable[Sequence[str]], kind: str = "") -> str:
    """A table; the header is text, cells are HTML."""
    head = "".join(f'<th scope="col">{escaped(name)}</th>' for name in header)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>\n" for row in rows)
    return (
        f'<div class="wide"><table class="{kind}"><thead><tr>{head}</tr></thead><tbody>\n{body}</tbody></table></div>'
    )


def glossary(entries: Iterable[tuple[str, str]]) -> str:
    """Words and what they mean."""
    return "<dl>" + "".join(f"<dt>{escaped(word)}</dt><dd>{escaped(text)}</dd>" for word, text in entries) + "</dl>"


def path_cell(path: Sequence[str]) -> str:
    """A code by its name, and small above it where it stands in the tree."""
    above = " › ".join(path[:-1])  # noqa: RUF001 - the sign between steps of a path
    return f"{escaped(path[-1])}<small>{escaped(above)}</small>" if above else escaped(path[-1])


class Footnotes:
    """Reasons why figures are undefined: a number in the cell, the sentence below the table."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def cell(self, figure: Figure | None, *, interval: bool = True) -> str:
        """A figure with its interval, or "undefined" with the number of the reason."""
        if figure is None:
            return ""
        if figure["value"] is None:
            number = self._numbers.setdefault(figure["reason"] or "", len(self._numbers) + 1)
            return f'<span class="quiet">undefined<sup>{number}</sup></span>'
        shown = plain(figure["value"])
        if interval and figure["low"] is not None:
            shown += f"<small>{plain(figure['low'])} to {plain(figure['high'])}</small>"
        return shown

    def html(self) -> str:
        """The sentences."""
        notes = (f"<sup>{number}</sup> {escaped(reason)}" for reason, number in self._numbers.items())
        return f'<p class="note">{"<br>".join(notes)}</p>' if self._numbers else ""


def plain(value: float) -> str:
    """A figure as people read it: two decimals, a real minus sign."""
    return f"{value:.2f}".replace("-", "−") if round(value, 2) else "0.00"  # noqa: RUF001 - a minus sign


def in_words(figure: Figure) -> str:
    """A figure with its interval, for running text."""
    if figure["value"] is None:
        return "undefined"
    interval = (
        f" (95 % interval {plain(figure['low'])} to {plain(figure['high'])})" if figure["low"] is not None else ""
    )
    return plain(figure["value"]) + interval


def in_percent(figure: Figure) -> str:
    """A share with its interval, for running text that anybody reads."""
    if figure["value"] is None:
        return "undefined"
    interval = (
        f" (95 % interval {100 * figure['low']:.0f} to {100 * figure['high']:.0f} %)"
        if figure["low"] is not None
        else ""
    )
    return f"{100 * figure['value']:.0f} %{interval}"
