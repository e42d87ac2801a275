"""An evaluation -> a report to read."""

from collections.abc import Iterator, Mapping
from typing import Any

from service.formats.evaluation_parts import (
    beside_humans_part,
    codes_part,
    confusions_part,
    curve_part,
    figures_part,
    levels_part,
    scores_part,
    shots_in_words,
    sites_part,
)
from service.formats.figure_words import LABELS, MEANINGS
from service.formats.report_page import (
    escaped,
    glossary,
    heading,
    in_percent,
    in_words,
    paragraph,
    report,
    table,
    warnings,
)

Json = Mapping[str, Any]

GLOSSARY = ("raw_agreement", "kappa", "alpha", "alpha_masi", "ac1")


def evaluation_report(result: Json) -> str:
    """The report as one HTML page."""
    return report(
        f"Suggestions against human coding: {result['codebook']['name'] or result['codebook']['id']}", _parts(result)
    )


def _parts(result: Json) -> Iterator[str]:
    main = result["main"]
    yield paragraph(_lead(result), "lead")
    yield warnings([*main["warnings"], *_remarks(result)])
    yield from curve_part(result)
    yield paragraph(
        f"All that follows is about {_setting(result)}, each of {main['segments']} segments counted once.", "quiet"
    )
    yield from beside_humans_part(main["agreement"])
    yield from codes_part(main["codes"])
    yield from confusions_part(main, {row["code"]: row["name"] for row in main["codes"]})
    yield from sites_part(main["sites"])
    yield from levels_part(main["levels"])
    yield from scores_part(main)
    yield from figures_part(main)
    yield from _shortages(result)
    yield heading("What the coefficients mean")
    yield glossary((LABELS[name], MEANINGS[name]) for name in GLOSSARY)
    yield heading("Methods, ready for a paper")
    yield f"<blockquote>{escaped(evaluation_methods(result))}</blockquote>"


def _lead(result: Json) -> str:
    ranking = result["main"]["ranking"]
    return (
        f"With {_examples(result)}, the first suggestion is right for {in_percent(ranking['hit@1'])} of the segments"
        f" that carry a code, and a right code is among the first three for {in_percent(ranking['hit@3'])}."
    )


def _examples(result: Json) -> str:
    shots = result["main"]["shots"]
    if shots is None:
        return "everything but what is tested to learn from"
    if shots == 0:
        return "no examples to learn from"
    return f"up to {shots} examples of each code to learn from"


def _setting(result: Json) -> str:
    shots = result["main"]["shots"]
    return "what was tested by leaving it out" if shots is None else f"{shots_in_words(shots)} examples of each code"


def _remarks(result: Json) -> list[str]:
    remarks = list(result["notes"])
    if result["truth"]["left_out"]:
        remarks.append(
            f"{result['truth']['left_out']} segments count only for the agreement of coders, because"
            f" {result['truth']['coder']} says nothing of them."
        )
    return remarks


def _shortages(result: Json) -> Iterator[str]:
    shots = result["main"]["shots"]
    short = [one for one in result["shortages"] if one["shots"] == shots]
    if short:
        yield heading("Codes with fewer examples than asked for")
        yield paragraph("What there is was used; how many differs from draw to draw.")
        names = {row["code"]: row["name"] for row in result["main"]["codes"]}
        rows = [
            [escaped(names.get(one["code"], one["code"])), str(shots), str(one["least"]), str(one["most"])]
            for one in short
        ]
        yield table(["Code", "Asked for", "At least", "At most"], rows)


def evaluation_methods(result: Json) -> str:
    """The paragraph for a paper: model, protocol, material, truth, figures."""
    main, material, protocol = result["main"], result["material"], result["protocol"]
    ranking = main["ranking"]
    return (
        f"Codes of the codebook {result['codebook']['name'] or result['codebook']['id']} (version"
        f" {result['codebook']['version']}; {material['leaves']} codes at the ends of the tree, of which"
        f" {material['leaves_applied']} were in use) were suggested by themecoder with the language model"
        f" {result['model']['key']} (version {result['model']['version']}) by similarity to the codes' definitions and"
        f" to coded examples. {_truth_sentence(result)} The material was {material['segments']} segments of"
        f" {material['documents']} transcripts. {_context_sentence(result)} {_protocol_sentence(protocol)}"
        f" With {_examples(result)}, the first suggestion was right in {in_words(ranking['hit@1'])} of"
        f" {ranking['hit@1']['n']} segments that carry a code, a right code was among the first three in"
        f" {in_words(ranking['hit@3'])}; micro F1 was {in_words(main['overall']['micro']['f1'])}, macro F1"
        f" {in_words(main['overall']['macro']['f1'])}."
        f" {_agreement_sentence(main['agreement'])} The machine counted as applying its first suggestion unless it"
        " abstained, and further codes scored 0.5 or more. Intervals are 95 % percentile bootstrap intervals over"
        f" {'transcripts' if main['resampled'] == 'document' else 'segments'} ({main['resamples']} resamples, seed"
        f" {main['seed']})."
    )


def _truth_sentence(result: Json) -> str:
    truth = result["truth"]
    if len(truth["coders"]) == 1:
        return f"The human coding was that of one coder ({truth['coder']})."
    of = f"{len(truth['coders'])} coders ({', '.join(truth['coders'])})"
    if truth["coder"] in truth["coders"]:
        return f"Of {of}, {truth['coder']} was taken as the human coding."
    return (
        f"The human coding was the consensus of {of}: what more than half of those who looked at a segment found; "
        f"{truth['left_out']} segments without a consensus count only for the agreement of coders."
    )


def _protocol_sentence(protocol: Json) -> str:
    if protocol["protocol"] == "leave-one-document-out":
        return "Each transcript was tested with all others as examples."
    if protocol["protocol"] == "leave-one-site-out":
        return "Each site was tested with all others as examples."
    split = (
        "examples came from a random half of the transcripts and the other half was tested"
        if protocol["split"] == "document"
        else "up to half of each code's segments were set aside at random for examples and all others tested"
    )
    return (
        f"In each of {protocol['draws']} draws (seed {protocol['seed']}) {split}; no segment was both an example and"
        " tested."
    )


def _context_sentence(result: Json) -> str:
    # Evaluations that were kept before there was a choice were made without.
    if result["protocol"].get("context", "none") == "none":
        return "What was said around a segment was left aside."
    return (
        "The turns directly before and after a segment counted beside its own text where they were known, which was so "
        f"for {result['material']['in_context']} segments."
    )


def _agreement_sentence(agreement: Json) -> str:
    machine = "; ".join(
        f"with {pair['coders'][1]} {in_words(pair['pooled']['kappa'])}" for pair in agreement["machine"]
    )
    humans = "; ".join(
        f"{' and '.join(pair['coders'])} {in_words(pair['pooled']['kappa'])}" for pair in agreement["humans"]
    )
    between = f" Between human coders on the same segments it was {humans}." if humans else ""
    return f"Cohen's kappa of the machine over all pairs of segment and code was {machine}.{between}"
