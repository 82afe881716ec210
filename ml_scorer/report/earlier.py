"""Earlier results, read back from the files that scores were written to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, Final

import polars as pl

from ml_scorer.errors import PredictionsError, some
from ml_scorer.report.exact import PARQUET_FORMAT, SIGNATURE, unguarded
from ml_scorer.report.seal import read_sealed
from ml_scorer.signature import measurement
from ml_scorer.statistics.confidence import check_level

_FIRST: Final = 65_536
"""Bytes in which a file shows what it is."""

_ROUNDING: Final = 1e-9
"""What the end of an interval may be off by, beside a score of 0 or 1, say."""

_LARGEST: Final = 1e300
"""Beyond it a whole number of JSON is too large to be compared as a float."""


@dataclass(frozen=True, eq=False)
class EarlierResult:
    """Scores that were written to a file.

    Attributes
    ----------
    path : str
    rows : tuple of dict of str to object
        Of each checkpoint, at least one: `checkpoint`, its name, and what stands in the columns of the measures and of
        the ends of their intervals, as far as there are such. `row_of` makes sure that these are scores.
    signatures : dict of str to str
        Of each measure, at least one.
    confidence : float or None
        Of the intervals, if it has any.
    """

    path: str
    rows: tuple[dict[str, Any], ...]
    signatures: dict[str, str]
    confidence: float | None

    def row_of(self, checkpoint: str, measure: str) -> dict[str, Any]:
        """The row to compare a checkpoint with: the only one, or the one of the same name.

        Returns
        -------
        dict of str to object
            `checkpoint`; `<measure>`, its score, a float in [0, 1]; `<measure>_low` and `<measure>_high`, the ends of
            its interval, or None.

        Raises
        ------
        PredictionsError
            If it has several rows, and not one of that name; or the row has no score that can be one.
        """
        rows = self.rows if len(self.rows) == 1 else [row for row in self.rows if row["checkpoint"] == checkpoint]
        if len(rows) != 1:
            names = (row["checkpoint"] for row in self.rows)
            raise PredictionsError(
                f"{self.path}: {len(self.rows):,} checkpoints are in this result ({some(names, len(self.rows))}), and "
                f"{len(rows) or 'none'} of them called {checkpoint}. A baseline is one checkpoint, or has the same "
                f"names."
            )
        row = rows[0]
        columns = (measure, f"{measure}_low", f"{measure}_high")
        fault = _fault(*(row.get(column) for column in columns))
        if fault:
            raise _damaged(self.path, f"{measure} of {row['checkpoint']} {fault}")
        return {"checkpoint": row["checkpoint"], **{column: row.get(column) for column in columns}}

    def check_measures(self, measure: str, signature: str) -> None:
        """Make sure that it holds the same measurement as this signature tells.

        Raises
        ------
        PredictionsError
            If the measure is not in it, or was measured on something else.
        """
        if measure not in self.signatures:
            raise PredictionsError(
                f"{self.path}: {measure} is not in this result, which has {', '.join(self.signatures)}. "
                f"Ask for one of these first (--measure), or make the baseline again."
            )
        then, now = map(measurement, (self.signatures[measure], signature))
        if then != now:
            old, new = ([part for part in these if part not in those] for these, those in ((then, now), (now, then)))
            raise PredictionsError(
                f"{self.path}: another measurement: {' '.join(old)} there, {' '.join(new)} here. "
                f"Make the baseline again with these annotations and options."
            )


def read_result(path: str | PathLike[str]) -> EarlierResult | None:
    """Scores that were written to a file as JSON, CSV or Parquet; None where the file is something else.

    Told by the content, whatever the file is called.

    Raises
    ------
    PredictionsError
        If it is such a file, and damaged, without a checkpoint, or put together from several measurements.
    """
    if not Path(path).is_file():
        return None
    with Path(path).open("rb") as file:
        start = file.read(_FIRST)
    name = str(path)
    if start.startswith(b"PAR1"):
        return _from_parquet(name)
    if start.lstrip().startswith(b"{"):
        return _from_json(name) if b'"signatures"' in start else None
    return _from_csv(name, start)


def _from_parquet(path: str) -> EarlierResult | None:
    try:
        metadata = pl.read_parquet_metadata(path)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError):
        return None  # the reader of predictions says what is wrong with it
    if metadata.get("format") != PARQUET_FORMAT:
        return None
    try:
        signatures = json.loads(metadata.get("signatures", "null"))
        confidence = json.loads(metadata.get("confidence", "null"))
        names = _columns(signatures if isinstance(signatures, dict) else {})
        frame = read_sealed(path, metadata)
        there = frame.columns
        rows = frame.select(name for name in there if name in names).to_dicts()
    except (ValueError, RecursionError, OSError, pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise _damaged(path, str(error)) from error
    if "checkpoint" not in there:
        raise PredictionsError(
            f"{path}: a result, but no scores of checkpoints ({some(there, len(there))}). A baseline is predictions, "
            f"or what `ml-scorer score -o` writes."
        )
    return _checked(path, rows, signatures, confidence)


def _from_json(path: str) -> EarlierResult | None:
    try:
        document = json.loads(Path(path).read_bytes())
    except (ValueError, RecursionError) as error:
        raise _damaged(path, str(error)) from error
    if not {"signatures", "scores"} <= set(document):
        return None
    return _checked(path, document["scores"], document["signatures"], document.get("confidence"))


def _from_csv(path: str, start: bytes) -> EarlierResult | None:
    header = start.partition(b"\n")[0].decode("utf-8", "replace")
    if not header.removeprefix("\ufeff").startswith("checkpoint,") or SIGNATURE not in header:
        return None
    try:
        frame = pl.read_csv(path, infer_schema=False)
    except pl.exceptions.PolarsError as error:
        raise _damaged(path, str(error)) from error
    signatures: dict[str, Any] = {}
    for column in [name for name in frame.columns if name.endswith(SIGNATURE)]:
        signatures[column.removesuffix(SIGNATURE)] = _only(path, frame[column], "measurements")
    confidence = _only(path, frame["confidence"], "levels of confidence") if "confidence" in frame.columns else None
    columns = [name for name in _columns(signatures) if name in frame.columns]
    rows = [
        {"checkpoint": unguarded(name or ""), **{column: _number(text) for column, text in row.items()}}
        for row in frame.select(columns).iter_rows(named=True)
        for name in [row.pop("checkpoint")]
    ]
    return _checked(path, rows, signatures, _number(confidence))


def _columns(signatures: Mapping[Any, Any]) -> list[str]:
    """The columns that an earlier result is read for."""
    return ["checkpoint", *(f"{measure}{end}" for measure in signatures for end in ("", "_low", "_high"))]


def _only(path: str, values: pl.Series, what: str) -> str | None:
    """What stands in every row; nothing where there are no rows."""
    found = values.unique(maintain_order=True)
    if found.len() > 1:
        raise PredictionsError(f"{path}: rows of several {what} stand in it: {some(found, found.len())}.")
    return found[0] if found.len() else ""


def _number(text: str | None) -> Any:  # noqa: ANN401 (judged where it is used)
    """The number that a cell of CSV holds; what is none stays a text."""
    try:
        return None if text is None else float(text)
    except ValueError:
        return text


def _checked(path: str, rows: Any, signatures: Any, confidence: Any) -> EarlierResult:  # noqa: ANN401 (whatever a file holds)
    """An earlier result, if this is what one holds.

    Raises
    ------
    PredictionsError
        If it is not.
    """
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise _damaged(path, "the scores are no list with an object for each checkpoint")
    if not rows:
        raise PredictionsError(f"{path}: no checkpoint in it was scored, so that there is nothing to compare with.")
    if (
        not isinstance(signatures, dict)
        or not signatures
        or not all(isinstance(one, str) for one in signatures.values())
    ):
        raise _damaged(path, "it does not say with a signature what each number measures")
    unnamed = [place for place, row in enumerate(rows, start=1) if not isinstance(row.get("checkpoint"), str)]
    if unnamed:
        raise _damaged(path, f"no name of a checkpoint in row {some(unnamed, len(unnamed))}")
    if confidence is not None:
        if not _is_number(confidence):
            raise _damaged(path, f"confidence is {_shown(confidence)}, and no number")
        try:
            check_level(confidence)
        except ValueError as error:
            raise _damaged(path, str(error).rstrip(".")) from error
    return EarlierResult(path, tuple(rows), signatures, confidence)


def _fault(score: Any, low: Any, high: Any) -> str | None:  # noqa: ANN401 (whatever a file holds)
    """Why this is no score with its interval; None if it is one."""
    if not _is_number(score) or not 0 <= score <= 1:
        return f"is {_shown(score)}, and a score is a number in [0, 1]"
    if low is None and high is None:
        return None
    if not _is_number(low) or not _is_number(high):
        return f"has the interval [{_shown(low)}, {_shown(high)}], and an interval has two ends"
    if not -_ROUNDING <= low <= score + _ROUNDING or not score - _ROUNDING <= high <= 1 + _ROUNDING:
        return (
            f"is {_shown(score)}, outside its interval [{_shown(low)}, {_shown(high)}], or that reaches beyond [0, 1]"
        )
    return None


def _is_number(value: Any) -> bool:  # noqa: ANN401 (whatever a file holds)
    """Whether this is a finite number; NaN and yes or no are none."""
    return isinstance(value, float | int) and not isinstance(value, bool) and -_LARGEST < value < _LARGEST


def _shown(value: Any) -> str:  # noqa: ANN401 (whatever a file holds)
    return "missing" if value is None else some([repr(value)], 1)


def _damaged(path: str, fault: str) -> PredictionsError:
    return PredictionsError(f"{path}: an earlier result, but damaged: {fault}. Make it again.")
