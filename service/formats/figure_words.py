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
    "raw_agreement": (
        "How often the coders gave the same answer. It is high for every rare code, because agreeing that "
        "a rare code does not apply is easy."
    ),
    "kappa": (
        "How much of the agreement that chance would have left open was reached: 1 is full agreement, 0 is what "
        "coders would reach who use the code as often, but blindly. With more than two coders, the mean over all pairs."
    ),
    "alpha": (
        "The same idea as kappa, for any number of coders and with gaps: 1 is full agreement, 0 is chance, below "
        "0 is worse than chance."
    ),
    "alpha_masi": "Alpha over whole sets of codes, where sets that overlap disagree only in part.",
    "ac1": (
        "Agreement beyond chance, with chance reckoned so that it stays sensible where a code is very rare or very "
        "common."
    ),
    "brennan_prediger": (
        "Agreement beyond chance, if chance were an even toss between the possible answers; what "
        "MAXQDA reports as kappa."
    ),
}

EVALUATION_LABELS: Mapping[str, str] = {
    "hit@1": "First suggestion right",
    "hit@3": "Right code among the first three",
    "hit@5": "Right code among the first five",
    "recall@1": "Right codes found by one suggestion",
    "recall@3": "Right codes found by three suggestions",
    "recall@5": "Right codes found by five suggestions",
    "mrr": "Mean reciprocal rank",
    "micro": "over all pairs of segment and code (micro)",
    "macro": "mean over codes (macro)",
    "weighted": "mean over codes, weighted by use",
    "hierarchical": "with all codes above (hierarchical)",
    "precision": "Precision",
    "recall": "Recall",
    "f1": "F1",
    "micro_f1": "F1 over all pairs (micro)",
    "macro_f1": "F1, mean over codes (macro)",
    "exact": "Exactly the same codes",
    "jaccard": "Codes in common (Jaccard)",
    "abstained": "Nothing suggested",
    "abstained_uncoded": "Nothing suggested where people applied no code",
    "abstained_coded": "Nothing suggested where people applied a code",
    "auroc": "Coded told from uncoded (AUROC)",
    "brier": "Brier score",
    "brier_of_base_rate": "Brier score of the base rate",
}

EVALUATION_MEANINGS: Mapping[str, str] = {
    "hit@1": "Of segments that carry a code: how often the first suggestion is one of theirs.",
    "hit@3": "How often the analyst finds a right code among three suggestions.",
    "hit@5": "The same among five suggestions.",
    "recall@1": (
        "The share of a segment's codes that one suggestion can find; below the line above where segments carry "
        "several codes."
    ),
    "recall@3": "The same with three suggestions.",
    "recall@5": "The same with five suggestions.",
    "mrr": "1 if the right code always comes first, one half if second, one third if third, and so on.",
    "precision": "Of the codes that the machine applied, the share that people applied too.",
    "recall": "Of the codes that people applied, the share that the machine applied too.",
    "f1": "Precision and recall in one number (their harmonic mean); 1 is perfect.",
    "exact": "The share of segments to which machine and people gave just the same codes.",
    "jaccard": "Of all codes that either gave a segment, the share that both gave; mean over segments.",
    "abstained": "The share of segments for which nothing was suggested.",
    "abstained_uncoded": "Here abstaining is right.",
    "abstained_coded": "Here abstaining leaves work to people.",
    "auroc": "How often a segment without a code looks more like one than a coded one does; 0.5 is chance, 1 perfect.",
    "brier": "Mean squared distance between the first suggestion's score and whether it is right; lower is better.",
    "brier_of_base_rate": (
        "The same, had every score been the share of first suggestions that are right: a useful score is below it."
    ),
}
