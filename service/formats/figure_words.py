"""What each figure of a report is called, and what it means in one sentence for somebody who is no statistician."""

from collections.abc import Mapping

LABELS: Mapping[str, str] = {
    "raw_agreement": "Raw agreement",
    "kappa": "Cohen's kappa",
    "alpha": "Krippendorff's alpha",
    "alpha_masi": "Alpha with MASI distance",
    "ac1": "Gwet's AC1",
    "brennan_prediger": "Brennan-Prediger",
}

MEANINGS: Mapping[str, str] = {
    "raw_agreement": "How often the coders gave the same answer. It is high for every rare code, because agreeing that "
    "a rare code does not apply is easy.",
    "kappa": "How much of the agreement that chance would have left open was reached: 1 is full agreement, 0 is what "
    "coders would reach who use the code as often, but blindly. With more than two coders, the mean over all pairs.",
    "alpha": "The same idea as kappa, for any number of coders and with gaps: 1 is full agreement, 0 is chance, below "
    "0 is worse than chance.",
    "alpha_masi": "Alpha over whole sets of codes, where sets that overlap disagree only in part.",
    "ac1": "Agreement beyond chance, with chance reckoned so that it stays sensible where a code is very rare or very "
    "common.",
    "brennan_prediger": "Agreement beyond chance, if chance were an even toss between the possible answers; what "
    "MAXQDA reports as kappa.",
}
