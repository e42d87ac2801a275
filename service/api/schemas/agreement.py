"""Answers of ``/v1/projects/{p}/agreement``."""

from typing import Literal

from pydantic import BaseModel, Field


class FigureOut(BaseModel):
    """One figure; `null` where it is undefined, with the reason."""

    value: float | None
    low: float | None = Field(description="Where its 95 % interval begins; null where there is none.")
    high: float | None
    n: int = Field(description="How many units it rests on.")
    reason: str | None = Field(description="Why it is undefined.")


class CodeFigures(BaseModel):
    """Agreement on one code, or over all pairs of segment and code."""

    raw_agreement: FigureOut
    kappa: FigureOut = Field(description="Cohen; with more than two coders the mean over pairs.")
    alpha: FigureOut = Field(description="Krippendorff, nominal.")
    ac1: FigureOut = Field(description="Gwet.")
    brennan_prediger: FigureOut


class SetFigures(CodeFigures):
    """Agreement on whole sets of codes; the unit is a segment."""

    alpha_masi: FigureOut = Field(description="Krippendorff, with the MASI distance.")


class PooledFigures(BaseModel):
    """Figures over several codes."""

    codes: int = Field(description="How many of them somebody applied.")
    pooled: CodeFigures
    sets: SetFigures


class LevelFigures(PooledFigures):
    """One level of the coding tree: its codes count with all below them."""

    level: int


class AgreementOnCode(BaseModel):
    """One code, counting with all below it."""

    code: str
    name: str
    path: list[str]
    level: int
    applied: dict[str, int] = Field(description="How often each coder applied it to the segments compared.")
    figures: CodeFigures


class PairFigures(PooledFigures):
    """Two of more than two coders."""

    coders: list[str]
    segments: int


class AgreementOut(BaseModel):
    """How far coders agree on the segments that at least two of them looked at."""

    coders: list[str]
    segments: int
    segments_seen: dict[str, int]
    documents: int
    resampled: Literal["document", "segment"] = Field(description="What intervals come from resampling.")
    resamples: int
    seed: int
    warnings: list[str]
    notes: list[str]
    all_codes: PooledFigures
    levels: list[LevelFigures]
    codes: list[AgreementOnCode]
    unused_codes: list[str]
    pairs: list[PairFigures]
