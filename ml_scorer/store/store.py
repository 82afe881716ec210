"""A folder of results."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from os import PathLike
from pathlib import Path

import polars as pl

from ml_scorer.errors import StoreError
from ml_scorer.predictions.folders import natural_order
from ml_scorer.store.columns import COLUMNS, READING
from ml_scorer.store.files import FileState, content_hash, hash_function
from ml_scorer.store.lookup import Lookup
from ml_scorer.store.merging import latest_of_each, merge_parts
from ml_scorer.store.parts import check_folder, read_parts, remove_left_over, write_part, writing
from ml_scorer.store.results import Results, nothing
from ml_scorer.store.rows import results_of
from ml_scorer.store.settings import Measured, Settings
from ml_scorer.store.writer import Writer


class Store:
    """A folder that keeps every result under all that it depends on; several processes may use it at once.

    Polars and DuckDB read it as one table: `pl.scan_parquet("DIR/*.parquet")`.

    Parameters
    ----------
    folder : path
    create : bool
        Make the folder if there is none. False: only read one that is there.

    Raises
    ------
    StoreError
        If the folder holds other things, or cannot be written, or, with `create=False`, holds no results.
    """

    def __init__(self, folder: str | PathLike[str], *, create: bool = True) -> None:
        self.folder = Path(folder)
        if self.folder.exists() and not self.folder.is_dir():
            raise StoreError(f"{self.folder}: a file, and a store of results is a folder. Name another one.")
        if create:
            with writing(self.folder):
                self.folder.mkdir(parents=True, exist_ok=True)
                check_folder(self.folder)
                remove_left_over(self.folder)
        elif not self.folder.exists():
            raise StoreError(f"{self.folder}: no such folder. `ml-scorer score … --store {self.folder}` makes one.")
        else:
            check_folder(self.folder)

    def frame(self) -> pl.DataFrame:
        """Every result there is, the latest row of each; columns as in `ml_scorer.store.columns.COLUMNS`.

        Raises
        ------
        StoreError
            If a part is damaged.
        """
        parts = read_parts(self.folder, pl.LazyFrame.collect)
        return latest_of_each(pl.concat(parts)) if parts else pl.DataFrame(schema=COLUMNS)

    def latest(self, *, signature: Sequence[str] = (), measures: Sequence[str] | None = None) -> pl.DataFrame:
        """The current results: of each source, of the content and the way of reading it that were recorded last.

        Parameters
        ----------
        signature : sequence of str
            Only results with all of these parts in their signature, such as `order:imagefolder`.
        measures : sequence of str, optional
            Only these, by their printed names. None is all.

        Returns
        -------
        polars.DataFrame
            One row for each checkpoint and measure, sources in natural order (`step-2` before `step-10`).
        """
        rows = self.frame()
        rows = _last_recorded(rows, ["content"])
        parts = pl.col("signature").str.split("|")
        rows = rows.filter(pl.lit(value=True), *(parts.list.contains(part) for part in signature))
        if measures is not None:
            rows = rows.filter(pl.col("measure").is_in(list(measures)))
        rows = _last_recorded(rows, [*READING])
        rows = rows.sort("recorded_at", maintain_order=True)
        rows = rows.unique(["source", "row", "measure"], keep="last", maintain_order=True)
        sources = sorted(rows["source"].unique().to_list(), key=natural_order)
        places = pl.DataFrame({"source": pl.Series(sources, dtype=pl.String)}).with_row_index("place")
        placed = rows.join(places, on="source", maintain_order="left")
        return placed.sort("place", "row", maintain_order=True).drop("place")

    def known(
        self,
        settings: Settings,
        measures: Sequence[Measured],
        states: Sequence[FileState],
        *,
        variances: bool = False,
    ) -> Results:
        """What is known already of some sources: of each all or nothing.

        A source is known by size and time of change; where only the time is another, by its content, and then it is
        recorded as it is now.

        Parameters
        ----------
        settings : Settings
        measures : sequence of Measured
            In the order in which the numerators shall come.
        states : sequence of FileState
            The sources as they are now. One that is named twice is taken once.
        variances : bool
            Whether only results with a sampling variance will do.

        Returns
        -------
        Results
            `states` in it are those that are known, in the order in which they were asked for.

        Raises
        ------
        StoreError
            If a part is damaged.
        MissingExtraError
            If content is to be compared, and xxhash is not installed.
        """
        states = list({state.source: state for state in states}.values())
        lookup = Lookup(settings, [measure.name for measure in measures], states, variances=variances)
        if not read_parts(self.folder, lookup.take):
            return nothing(len(measures))
        rows, again = lookup.find(lambda position: _content_of(states[position].source))
        if again.height:
            self._record_again(lookup, again)
        return results_of(rows, states, len(measures))

    def _record_again(self, lookup: Lookup, sources: pl.DataFrame) -> None:
        parts = read_parts(self.folder, lambda part: lookup.as_now(part, sources).collect())
        rows = latest_of_each(pl.concat(parts)).with_columns(recorded_at=pl.lit(datetime.now(UTC)))
        write_part(self.folder, rows.cast({"recorded_at": COLUMNS["recorded_at"]}))
        merge_parts(self.folder)

    def writer(
        self,
        settings: Settings,
        measures: Sequence[Measured],
        *,
        flush_checkpoints: int = 1000,
        flush_seconds: float = 1.0,
    ) -> Writer:
        """A writer of results; use it in `with`, from one thread.

        Raises
        ------
        MissingExtraError
            If xxhash is not installed.
        """
        hash_function()  # before anything is scored for nothing
        return Writer(self.folder, settings, measures, flush_checkpoints=flush_checkpoints, flush_seconds=flush_seconds)


def _last_recorded(rows: pl.DataFrame, columns: list[str]) -> pl.DataFrame:
    """The rows that agree in some columns with the row of their source that was recorded last."""
    last = rows.group_by("source").agg(pl.struct(columns).get(pl.col("recorded_at").arg_max()).alias("last"))
    keep = pl.struct(columns).eq_missing(pl.col("last"))
    return rows.join(last, on="source", how="left", maintain_order="left").filter(keep).drop("last")


def _content_of(source: str) -> str | None:
    try:
        return content_hash(source)
    except OSError:
        return None  # its reader says it better
