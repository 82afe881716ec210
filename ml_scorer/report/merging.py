"""Many results of the same measurement as one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import polars as pl

from ml_scorer.errors import PredictionsError, faults_text, some
from ml_scorer.report.parts import Part, read_part
from ml_scorer.scores import Origins, Scores
from ml_scorer.signature import joined_signatures


@dataclass(frozen=True, eq=False)
class Merged:
    """Scores put together, and what is to be said of the shards that were not among the parts; empty if all were."""

    scores: Scores
    gap: str


def merge(paths: Sequence[str], *, partial: bool = False) -> Merged:
    """Put results together that were written as Parquet.

    Shards come out in their order, whatever that of the paths, and as if all had been scored in one run; other results
    in the order of the paths.

    Parameters
    ----------
    paths : sequence of str
        At least one.
    partial : bool
        Whether shards may be absent.

    Raises
    ------
    PredictionsError
        If one is no such result; if they are not the same measurement of the same annotations; if shards are of
        different inputs, are absent, or there twice; or a checkpoint stands in two results that are no shards.
    OSError
        If one cannot be read.
    """
    parts = _in_order([read_part(path) for path in paths])
    _check_alike(parts)
    gap = _gap(parts)
    if gap and not partial:
        raise PredictionsError(f"{gap} Score these shards, or merge what there is (--partial).")
    return Merged(_scores(parts), gap)


def _in_order(parts: list[Part]) -> list[Part]:
    """Shards by their numbers; others as they are."""
    whole = [part.path for part in parts if part.cut is None]
    sharded = [part.path for part in parts if part.cut is not None]
    if whole and sharded:
        raise PredictionsError(
            f"shards ({some(sharded, len(sharded))}) are merged only with each other, and not with whole results "
            f"({some(whole, len(whole))}). Merge the shards first."
        )
    return sorted(parts, key=lambda part: part.number)


def _gap(parts: Sequence[Part]) -> str:
    """A sentence on the shards that are not there; empty if all are.

    Raises
    ------
    PredictionsError
        If one is there twice.
    """
    cut = parts[0].cut
    if cut is None:
        return " ".join(dict.fromkeys(part.gap for part in parts if part.gap))
    paths: dict[int, list[str]] = {}
    for part in parts:
        paths.setdefault(part.number, []).append(part.path)
    twice = [f"{number} ({', '.join(found)})" for number, found in paths.items() if len(found) > 1]
    if twice:
        raise PredictionsError(f"shards are there twice: {some(twice, len(twice))}. Name one file for each.")
    number = cut.shards - len(paths)
    absent = (number for number in range(1, cut.shards + 1) if number not in paths)
    return f"Of {cut.shards:,} shards these are not among the scores: {some(absent, number)}." if number else ""


def _check_alike(parts: Sequence[Part]) -> None:
    """Raise PredictionsError, with all that differs, unless these are parts of one measurement."""
    faults = [
        *_differing(parts, "cut from other inputs", lambda part: part.cut),
        *_differing(parts, "other annotations", lambda part: part.annotations),
        *_differing(parts, "other measures", lambda part: ", ".join(part.signatures)),
        *_differing(parts, "other intervals", _how_sure),
    ]
    for measure in parts[0].signatures if not faults else ():
        found = joined_signatures(part.signatures[measure] for part in parts)
        if len(found) > 1:
            faults.append(f"other measurements: {some(found, len(found))}")
    if faults:
        raise PredictionsError(f"{faults_text('results that do not go together', faults)}. Score the odd ones again.")


def _differing(parts: Sequence[Part], what: str, of: Callable[[Part], object]) -> list[str]:
    """A sentence if the parts differ in something."""
    first = parts[0]
    odd = [part for part in parts if of(part) != of(first)]
    if not odd:
        return []
    paths = some((part.path for part in odd), len(odd))
    return [f"{what} in {paths} ({of(odd[0])}) than in {first.path} ({of(first)})"]


def _how_sure(part: Part) -> str:
    if part.confidence is None:
        return "none"
    return f"{part.confidence * 100:g}%: {'; '.join(dict.fromkeys(part.intervals.values()))}"


def _scores(parts: Sequence[Part]) -> Scores:
    first = parts[0]
    marked = "near_chance"
    frame = pl.concat(
        [part.frame.with_columns(pl.col("checkpoint").is_in(part.near_chance).alias(marked)) for part in parts],
        how="diagonal",
    )
    origins = None
    of_parts = [part.origins for part in parts if part.origins]
    if len(of_parts) == len(parts):
        origins = Origins(pl.concat([each.sources for each in of_parts]), pl.concat([each.names for each in of_parts]))
        frame = frame.with_columns(origins.told_apart().alias("checkpoint"))
    twice = frame.filter(pl.col("checkpoint").is_duplicated())["checkpoint"].unique(maintain_order=True)
    if twice.len() and origins is None:
        raise PredictionsError(
            f"in several of these results stand the same checkpoints: {some(twice, twice.len())}. Name each result "
            f"once, or rename the checkpoints."
        )
    signatures = {
        measure: joined_signatures(part.signatures[measure] for part in parts)[0] for measure in first.signatures
    }
    return Scores(
        frame=frame.drop(marked),
        signatures=signatures,
        annotations=first.annotations,
        failed=tuple(failure for part in parts for failure in part.failed),
        denominators={measure: _images(text) for measure, text in signatures.items() if f"{measure}_right" in frame},
        near_chance=tuple(frame.filter(marked)["checkpoint"]),
        confidence=first.confidence,
        intervals=first.intervals,
        origins=origins,
        _sums={},
    )


def _images(signature: str) -> int:
    """How many images a signature says that a measure is over."""
    [images] = [part.removeprefix("images:") for part in signature.split("|") if part.startswith("images:")]
    return int(images)
