"""The agreement of coders -> a report to read, and a table for the terminal."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from models.agreement import COEFFICIENTS
from models.code_set_agreement import SET_COEFFICIENTS
from service.formats.figure_words import LABELS, MEANINGS
from service.formats.report_page import (
    Footnotes,
    escaped,
    figure,
    glossary,
    heading,
    paragraph,
    path_cell,
    report,
    table,
    warnings,
)
from service.formats.svg_plots import interval_plot

Json = Mapping[str, Any]

# A figure that is undefined stands after all that are not.
LAST = 2.0


def agreement_report(found: Json) -> str:
    """The report as one HTML page."""
    return report(f"Agreement between {_and(found['coders'])}", _parts(found))


def _parts(found: Json) -> Iterator[str]:
    everything = found["all_codes"]
    yield paragraph(
        f"{found['segments']} segments from {found['documents']} transcripts were looked at by two coders or more; "
        f"{everything['codes']} codes were applied to them.",
        "lead",
    )
    yield warnings([*found["warnings"], *found.get("notes", [])])
    yield heading("All codes together")
    yield paragraph(
        "First every pair of segment and code is one unit, answered yes or no. Then each segment is one unit, and its "
        "answer is the whole set of codes."
    )
    yield overall_table({"Segment and code": everything["pooled"], "Set of codes": everything["sets"]})
    if len(found["levels"]) > 1:
        yield from _levels(found)
    yield from _pairs(found)
    yield heading("Code by code, those in trouble first")
    yield paragraph(
        "A code counts as applied where it, or a code below it in the tree, is applied. The unit is a segment."
    )
    yield from codes_part(found["codes"], found["coders"])
    if found["unused_codes"]:
        yield paragraph(f"Nobody applied {len(found['unused_codes'])} further codes of the codebook.", "quiet")
    yield heading("What the figures mean")
    yield glossary((LABELS[name], MEANINGS[name]) for name in SET_COEFFICIENTS)
    yield heading("Methods, ready for a paper")
    yield f"<blockquote>{escaped(agreement_methods(found))}</blockquote>"


def overall_table(groups: Mapping[str, Json]) -> str:
    """Figures in columns, a row for each unit."""
    notes = Footnotes()
    rows = [
        [
            escaped(unit),
            str(figures["raw_agreement"]["n"]),
            *(notes.cell(figures.get(name)) for name in SET_COEFFICIENTS),
        ]
        for unit, figures in groups.items()
    ]
    return table(["Unit", "n", *(LABELS[name] for name in SET_COEFFICIENTS)], rows) + notes.html()


def _levels(found: Json) -> Iterator[str]:
    yield heading("Level by level of the coding tree")
    yield paragraph("At each level, a code stands for itself and for all below it: 1 is the themes.")
    yield overall_table(
        {f"Level {one['level']}: {one['codes']} codes": one["pooled"] for one in found["levels"]}
        | {f"Level {one['level']}, set of codes": one["sets"] for one in found["levels"]}
    )


def _pairs(found: Json) -> Iterator[str]:
    if found["pairs"]:
        yield heading("Coder with coder")
        yield overall_table({_and(pair["coders"]): pair["pooled"] for pair in found["pairs"]})


def codes_part(codes: Sequence[Json], coders: Sequence[str]) -> Iterator[str]:
    """The plot and the table of codes, lowest kappa first."""
    ordered = sorted(codes, key=lambda row: _or_last(row["figures"]["kappa"]["value"]))
    rows = [(row["name"], row["figures"]["kappa"], 0) for row in ordered]
    yield figure(
        interval_plot(rows, title="Kappa of each code", reference=0),
        "Cohen's kappa of each code with its 95 % interval; codes whose kappa is undefined are in the table only.",
    )
    notes = Footnotes()
    cells = [
        [
            path_cell(row["path"]),
            str(row["figures"]["raw_agreement"]["n"]),
            *(str(row["applied"][coder]) for coder in coders),
            *(notes.cell(row["figures"][name]) for name in COEFFICIENTS),
        ]
        for row in ordered
    ]
    applied = [f"Applied by {coder}" for coder in coders]
    yield table(["Code", "Segments", *applied, *(LABELS[name] for name in COEFFICIENTS)], cells) + notes.html()


def agreement_methods(found: Json) -> str:
    """The paragraph for a paper."""
    pooled = found["all_codes"]["pooled"]
    coders = f"{len(found['coders'])} coders ({_and(found['coders'])})"
    drawn = "segments, there being fewer than five transcripts" if found["resampled"] == "segment" else "transcripts"
    figures = "; ".join(f"{LABELS[name]} {_value(pooled[name])}" for name in COEFFICIENTS)
    return (
        f"Agreement of {coders} was computed on the {found['segments']} segments ({found['documents']} transcripts) "
        "that at least two of them had looked at; a segment without a code counts as looked at with no code applying. "
        f"The unit of analysis was the pair of segment and code ({found['all_codes']['codes']} codes in use). Pooled "
        f"over codes: {figures}. Kappa for more than two coders is the mean over pairs (Light 1971); alpha is nominal, "
        "for sets of codes also with the MASI distance (Passonneau 2006). Intervals are 95 % percentile bootstrap "
        f"intervals over {drawn} ({found['resamples']} resamples, seed {found['seed']}). Computed with themecoder."
    )


def agreement_lines(found: Json) -> Iterator[str]:
    """The figures for the terminal, tab-separated: unit or code, n, and each coefficient."""
    yield "\t".join(["unit", "n", *COEFFICIENTS])
    groups = [("all codes", found["all_codes"]["pooled"])]
    groups += [(f"level {one['level']}", one["pooled"]) for one in found["levels"]]
    groups += [(row["code"], row["figures"]) for row in found["codes"]]
    for label, figures in groups:
        yield "\t".join([label, str(figures["raw_agreement"]["n"]), *(_value(figures[name]) for name in COEFFICIENTS)])


def _value(figure: Json) -> str:
    return "undefined" if figure["value"] is None else f"{figure['value']:.3f}"


def _or_last(value: float | None) -> float:
    return LAST if value is None else value


def _and(names: Sequence[str]) -> str:
    return ", ".join(names[:-1]) + f" and {names[-1]}" if len(names) > 1 else "".join(names)
