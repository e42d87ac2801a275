"""Sections of the report on an evaluation: curve, scores, codes, confusions, sites."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from models.codings import CONSENSUS
from service.formats.figure_words import EVALUATION_LABELS, EVALUATION_MEANINGS, LABELS
from service.formats.report_page import (
    Footnotes,
    escaped,
    figure,
    heading,
    in_words,
    paragraph,
    path_cell,
    plain,
    table,
)
from service.formats.svg_plots import Line, interval_plot, line_plot

Json = Mapping[str, Any]

CURVES = ("hit@3", "hit@1", "micro_f1")
CURVE_COLUMNS = ("hit@1", "hit@3", "mrr", "micro_f1", "macro_f1")
NO_FURTHER_CODE = "no code"
# A darker shade would hide the number.
DARKEST = 0.55


def curve_part(result: Json) -> Iterator[str]:
    """The learning curve, if there are several numbers of shots, and its table."""
    points = result["curve"]
    if len(points) > 1:
        yield heading("How much examples help")
        yield figure(
            _curve_plot(points),
            "Share of right answers by the number of examples of each code. Upright bars are 95 % intervals: how far"
            " the figures could have come out otherwise with other transcripts.",
        )
        yield paragraph(_gain_sentence(result["gain"]))
    notes = Footnotes()
    header = ["Examples of each code", "Draws", "Segments", *(EVALUATION_LABELS[name] for name in CURVE_COLUMNS)]
    rows = [
        [
            shots_in_words(point["shots"]),
            str(point["draws"]),
            str(point["segments"]),
            *(_with_spread(notes.cell(point["figures"][name]), point["spread"][name]) for name in CURVE_COLUMNS),
        ]
        for point in points
    ]
    yield table(header, rows) + notes.html()
    if any(point["draws"] > 1 for point in points):
        yield paragraph("± is the standard deviation over draws: how much hangs on which examples were drawn.", "quiet")


def _curve_plot(points: Sequence[Json]) -> str:
    lines = []
    for name in CURVES:
        shown = [(at, point["figures"][name]) for at, point in enumerate(points)]
        shown = [(at, found) for at, found in shown if found["value"] is not None]
        if shown:
            shift = (CURVES.index(name) - 1) * 0.03
            lines.append(
                Line(
                    label=EVALUATION_LABELS[name],
                    points=[(at + shift, found["value"]) for at, found in shown],
                    low=[found["low"] for _, found in shown],
                    high=[found["high"] for _, found in shown],
                )
            )
    ticks = [(float(at), shots_in_words(point["shots"])) for at, point in enumerate(points)]
    margin = [(-0.25, ""), *ticks, (len(points) - 0.75, "")]
    return line_plot(
        lines, title="Learning curve", x_label="examples of each code", y_label="share of right answers", x_ticks=margin
    )


def _gain_sentence(gain: Json) -> str:
    first = gain["figures"]["hit@1"]
    return (
        f"On the same {gain['segments']} segments, going from {shots_in_words(gain['from_shots'])} to"
        f" {shots_in_words(gain['to_shots'])} examples changes the share of right first suggestions by"
        f" {in_words(first)}. "
        + (
            "The interval does not hold 0, so the change is more than chance."
            if first["low"] is not None and (first["low"] > 0 or first["high"] < 0)
            else "The interval holds 0, so the change may be chance."
        )
    )


def shots_in_words(shots: int | None) -> str:
    """The number of examples; the rest where one part is left out."""
    return "all others" if shots is None else str(shots)


def _with_spread(cell: str, spread: float | None) -> str:
    return cell if spread is None else f"{cell}<small>± {plain(spread)}</small>"


def beside_humans_part(agreement: Json) -> Iterator[str]:
    """The machine with each coder, and beside it human with human on the same segments."""
    yield heading("The machine as a coder beside the human ones")
    pairs = [(pair, 1) for pair in agreement["machine"]] + [(pair, 0) for pair in agreement["humans"]]
    if agreement["humans"]:
        yield paragraph(
            "Orange: the machine with a human coder or their consensus. Blue: human with human, on the same segments."
            " That is what the machine can be measured by: not 1, but how far people agree."
        )
    else:
        yield paragraph("There is but one human coder, so how far people agree with each other is not known here.")
    if any(CONSENSUS in pair["coders"] for pair in agreement["machine"]) and agreement["humans"]:
        yield paragraph("The consensus leaves out segments on which people disagree, so it is judged on easier ones.")
    rows = [(" and ".join(pair["coders"]), pair["pooled"]["kappa"], colour) for pair, colour in pairs]
    yield figure(
        interval_plot(rows, title="Kappa of each pair of coders", reference=0),
        "Cohen's kappa over all pairs of segment and code, with 95 % intervals.",
    )
    notes = Footnotes()
    names = ("raw_agreement", "kappa", "alpha", "ac1")
    cells = [
        [
            escaped(" and ".join(pair["coders"])),
            str(pair["segments"]),
            *(notes.cell(pair["pooled"][name]) for name in names),
            *(notes.cell(pair["sets"][name]) for name in ("kappa", "alpha_masi")),
        ]
        for pair, _ in pairs
    ]
    header = ["Coders", "Segments", *(LABELS[name] for name in names), "Kappa of code sets", LABELS["alpha_masi"]]
    yield table(header, cells) + notes.html()


def figures_part(main: Json) -> Iterator[str]:
    """Every overall figure with its unit, n, and what it means."""
    yield heading("All figures")
    yield paragraph(
        "The machine counts as applying its first suggestion, unless it abstains, and any further code scored 0.5 or"
        " more."
    )
    notes = Footnotes()
    rows = [
        _figure_row(notes, EVALUATION_LABELS[name], main["ranking"][name], "segment with a code", name)
        for name in main["ranking"]
    ]
    overall = {**main["overall"], "hierarchical": main["hierarchical"]}
    for group, figures in overall.items():
        for name, found in figures.items():
            label = f"{EVALUATION_LABELS[name]}, {EVALUATION_LABELS[group]}"
            rows.append(_figure_row(notes, label, found, "segment and code", name))
    rows += [
        _figure_row(notes, EVALUATION_LABELS[name], found, "segment", name) for name, found in main["sets"].items()
    ]
    yield _figure_table(rows, notes)


def _figure_row(notes: Footnotes, label: str, found: Json, unit: str, name: str) -> list[str]:
    return [escaped(label), notes.cell(found), str(found["n"]), unit, escaped(EVALUATION_MEANINGS[name])]


def _figure_table(rows: Sequence[Sequence[str]], notes: Footnotes) -> str:
    return table(["Figure", "Value", "Segments", "Unit", "What it says"], rows, "figures") + notes.html()


def levels_part(levels: Sequence[Json]) -> Iterator[str]:
    """Precision, recall and F1 at each level of the tree, if there are several."""
    if len(levels) < 2:
        return
    yield heading("Level by level of the coding tree")
    yield paragraph("At each level, a code stands for itself and for all below it: 1 is the themes.")
    notes = Footnotes()
    rows = [
        [
            f"Level {one['level']}: {one['codes']} codes",
            *(notes.cell(one["micro"][name]) for name in ("precision", "recall", "f1")),
            notes.cell(one["macro"]["f1"]),
            notes.cell(one["weighted"]["f1"]),
        ]
        for one in levels
    ]
    header = ["Level", "Precision", "Recall", "F1 (micro)", "F1 (macro)", "F1 (weighted)"]
    yield table(header, rows) + notes.html()


def scores_part(main: Json) -> Iterator[str]:
    """Reliability, precision against coverage, and abstention."""
    yield heading("Do the scores mean what they say?")
    bins = main["calibration"]["bins"]
    line = Line(
        label="",
        points=[(one["score"], one["right"]["value"]) for one in bins],
        low=[one["right"]["low"] for one in bins],
        high=[one["right"]["high"] for one in bins],
    )
    yield figure(
        line_plot(
            [line],
            title="Reliability",
            x_label="score of the first suggestion",
            y_label="share of these that are right",
            diagonal=True,
        ),
        f"Each dot holds a group of as many segments ({len(bins)} groups). On the dashed line scores are what they"
        " claim to be: of suggestions scored 0.6, six in ten are right. Below it the machine is too sure, above it too"
        " modest.",
    )
    curve = [(point["coverage"], point["precision"]) for point in main["coverage"]]
    yield figure(
        line_plot(
            [Line(label="", points=curve, dots=False)],
            title="Precision against coverage",
            x_label="share of segments whose first suggestion is shown",
            y_label="share of first suggestions that are right",
        ),
        "What a higher or lower least score buys: the further left, the fewer first suggestions are shown, and the"
        " surer they are.",
    )
    notes = Footnotes()
    found = {name: main["calibration"][name] for name in ("brier", "brier_of_base_rate")} | dict(main["abstention"])
    rows = [_figure_row(notes, EVALUATION_LABELS[name], one, "segment", name) for name, one in found.items()]
    yield _figure_table(rows, notes)


def codes_part(codes: Sequence[Json]) -> Iterator[str]:
    """The codes, those with the lowest F1 first."""
    yield heading("Code by code, those in trouble first")
    yield paragraph("A code counts as applied where it, or a code below it in the tree, is applied.")
    notes = Footnotes()
    between = any(row["between_humans"] for row in codes)
    names = ("precision", "recall", "f1", "kappa", "ac1")
    ordered = sorted(codes, key=lambda row: (row["figures"]["f1"]["value"] or 0, -row["human"]))
    rows = [
        [
            path_cell(row["path"]),
            *(str(row[name]) for name in ("human", "machine", "both")),
            *(notes.cell(row["figures"][name]) for name in names),
            *([notes.cell(row["between_humans"]["kappa"])] if between else []),
        ]
        for row in ordered
    ]
    header = ["Code", "People", "Machine", "Both", "Precision", "Recall", "F1", "Kappa", "AC1"]
    yield table([*header, *(["Kappa between people"] if between else [])], rows) + notes.html()


def confusions_part(main: Json, names: Mapping[str, str]) -> Iterator[str]:
    """The most frequent confusions with examples, and the matrix."""
    yield heading("Which codes are taken for which")
    rows = [
        [
            escaped(_named(pair["human"], names)),
            escaped(_named(pair["machine"], names)),
            str(pair["segments"]),
            f'<span class="quiet">{escaped(", ".join(pair["references"]))}</span>',
        ]
        for pair in main["confusions"]
    ]
    if not rows:
        yield paragraph("There are none.")
        return
    yield table(["People applied", "The machine applied", "Segments", "For example"], rows, "confusions")
    yield paragraph(
        "“no code” on the side of people: the machine added a code; on the side of the machine: it missed one.", "quiet"
    )
    matrix = main["confusion_matrix"]
    left_out = (
        f" The {matrix['left_out']} codes that people applied least often are left out." if matrix["left_out"] else ""
    )
    yield paragraph(f"Rows: what people applied. Columns: what the machine applied, in the same order.{left_out}")
    yield _matrix(matrix, names)


def _matrix(matrix: Json, names: Mapping[str, str]) -> str:
    largest = max((max(row) for row in matrix["counts"]), default=0) or 1
    header = ["", *(str(number) for number in range(1, len(matrix["codes"]))), "–"]  # noqa: RUF001 - a dash for no code
    rows = []
    for number, (code, counts) in enumerate(zip(matrix["codes"], matrix["counts"], strict=True), start=1):
        label = "–" if code is None else str(number)  # noqa: RUF001 - as above
        cells = [_shaded(count, largest, number == column) for column, count in enumerate(counts, start=1)]
        rows.append([f"{label} {escaped(_named(code, names))}", *cells])
    return table(header, rows, "matrix")


def _shaded(count: int, largest: int, is_right: bool) -> str:
    if not count:
        return ""
    colour = "31,95,168" if is_right else "194,87,26"
    return f'<span class="shade" style="background:rgba({colour},{DARKEST * count / largest:.2f})">{count}</span>'


def _named(code: str | None, names: Mapping[str, str]) -> str:
    return NO_FURTHER_CODE if code is None else names.get(code, code)


def sites_part(sites: Json) -> Iterator[str]:
    """Each site, and the gap between the best and the worst."""
    if len(sites["sites"]) < 2:
        return
    yield heading("Site by site")
    rows = [(one["site"], one["figures"]["hit@1"], 0) for one in sites["sites"]]
    yield figure(
        interval_plot(rows, title="First suggestion right at each site"),
        "Share of segments with a code whose first suggestion is right, with 95 % intervals.",
    )
    for name, gap in sites["gaps"].items():
        if gap["difference"]["value"] is not None:
            yield paragraph(
                f"{EVALUATION_LABELS[name]}: highest at {gap['best']}, lowest at {gap['worst']}; the difference is "
                f"{in_words(gap['difference'])}. As these two were picked for being apart, take it as an upper end."
            )
    notes = Footnotes()
    cells = [
        [
            escaped(one["site"]),
            str(one["segments"]),
            str(one["documents"]),
            *(notes.cell(one["figures"][name]) for name in ("hit@1", "f1")),
        ]
        for one in sites["sites"]
    ]
    header = ["Site", "Segments", "Transcripts", EVALUATION_LABELS["hit@1"], "F1 (micro)"]
    yield table(header, cells) + notes.html()
