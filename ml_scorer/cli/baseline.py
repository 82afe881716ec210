"""`--baseline FILE`: fail where a checkpoint is significantly worse than before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ml_scorer.cli.output import file_status, is_file_of
from ml_scorer.comparison.drop import Changes, changes_of_scores, changes_on_images
from ml_scorer.errors import PredictionsError, some
from ml_scorer.predictions import Source, Sources, prediction_sources
from ml_scorer.report.earlier import EarlierResult
from ml_scorer.report.kinds import p_text
from ml_scorer.report.printable import printable
from ml_scorer.scores import Scores
from ml_scorer.scoring import Scorer
from ml_scorer.scoring.outcomes import Outcomes


@dataclass(frozen=True, eq=False)
class BaselineFile:
    """A file of predictions as a baseline.

    Attributes
    ----------
    named : str
        As the command line names it.
    sources : Sources
        What it holds; the source to be scored that is the same file, if there is one.
    among : list of Source
        Sources to be scored that are the same file.
    """

    named: str
    sources: Sources
    among: list[Source]


def baseline_file(named: str, sources: Sequence[Source]) -> BaselineFile:
    """Find out whether a baseline is among the files that are to be scored.

    Raises
    ------
    PredictionsError
        If there is nothing else among them, so that there is nothing to compare.
    PredictionsError, OSError
        If it means nothing.
    """
    held = prediction_sources([named])
    statuses = [file_status(source.path) for source in held if source.path is not None]
    addresses = {source.address for source in held} - {None}
    among = [
        source
        for source in sources
        if source.address in addresses or any(status and is_file_of(status, source.path) for status in statuses)
    ]
    if len(among) == len(sources):
        raise PredictionsError(
            f"--baseline {named}: there is nothing to compare with it, for nothing else is to be scored. Name other "
            f"predictions, or another baseline."
        )
    return BaselineFile(named, Sources(among) if len(held) == len(among) == 1 else held, among)


def against_predictions(
    scorer: Scorer, outcomes: Outcomes, baseline: BaselineFile, confidence: float
) -> Changes | None:
    """Compare with the one checkpoint in a file of predictions, by the first measure, image by image.

    The checkpoint itself is left out where it is among the others, for it can be no worse, and would count as a test.

    Returns
    -------
    Changes or None
        None where nothing else was scored.

    Raises
    ------
    PredictionsError
        If the file holds several checkpoints, and as in `score`.
    """
    scored = scorer.outcomes(baseline.sources)
    if len(scored.names) != 1:
        raise PredictionsError(
            f"--baseline {baseline.named}: {len(scored.names):,} checkpoints are in there "
            f"({some(scored.names, len(scored.names))}), and a baseline is one. Name a file that holds one, or an "
            f"earlier result."
        )
    itself = _called(outcomes.names, scored.names[0], baseline.among)
    rows = [row for row, name in enumerate(outcomes.names) if name != itself]
    if not rows:
        return None
    others = replace(outcomes, scores=outcomes.scores.rows(rows), labels=outcomes.labels[rows])
    return changes_on_images(others, scored, scorer.measures[0], confidence)


def _called(names: Sequence[str], name: str, sources: Sequence[Source]) -> str | None:
    """What a checkpoint of this name is called among all, where it comes from one of these sources."""
    # Where another one has its name, that of its source goes before it.
    called = [text for source in sources for text in (f"{source.name}/{name}", name) if text in names]
    return called[0] if called else None


def against_result(scores: Scores, earlier: EarlierResult) -> Changes:
    """Compare with what scores were before, by the first measure.

    Raises
    ------
    PredictionsError
        If the earlier result is of another measurement, or has no row for a checkpoint, or none with a score.
    """
    measure, signature = next(iter(scores.signatures.items()))
    earlier.check_measures(measure, signature)
    rows = [earlier.row_of(name, measure) for name in scores.frame["checkpoint"]]
    return changes_of_scores(scores, rows, earlier.confidence, measure)


def lines(changes: Changes, measure: str) -> Iterator[str]:
    """What was compared with what, the difference with its interval, and whether it is a significant drop."""
    level = f"{changes.confidence * 100:g}%"
    adjusted = ", adjusted for their number" if len(changes.checkpoints) > 1 else ""
    for row, significant in enumerate(changes.significant.tolist()):
        yield (
            f"{'Error' if significant else 'Baseline'}: {printable(changes.checkpoints[row])} has {measure} "
            f"{changes.scores[row]:.2%}, the baseline {printable(changes.baselines[row])} {changes.earlier[row]:.2%}: "
            f"{changes.difference[row] * 100:+.2f} pp [{changes.low[row] * 100:+.2f}, {changes.high[row] * 100:+.2f}] "
            f"({level} interval; {changes.method}), p = {p_text(changes.p_value[row])} for a drop{adjusted}: "
            f"{'a significant drop' if significant else 'no significant drop'}."
        )
