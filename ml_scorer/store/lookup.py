"""Which sources need not be scored again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import polars as pl

from ml_scorer.store.columns import COLUMNS, COUNTS
from ml_scorer.store.files import FileState
from ml_scorer.store.settings import Settings

_NEEDED: Final = (
    "source", "checkpoint", "row", "checkpoints", "named", "size", "modified_ns", "content", "measure", "order",
    "numerator", "variance", *COUNTS, "missing_images", "ties", "near_chance", "recorded_at",
)  # fmt: skip


class Lookup:
    """Finds the rows that hold for sources as they are now, a part of the store after the other.

    Parameters
    ----------
    settings : Settings
    measures : sequence of str
    states : sequence of FileState
        The sources as they are now, each once.
    variances : bool
        Whether only results with a sampling variance will do.
    """

    def __init__(
        self, settings: Settings, measures: Sequence[str], states: Sequence[FileState], *, variances: bool
    ) -> None:
        self._settings = settings
        self._variances = variances
        self._places = pl.DataFrame(
            {"measure": measures, "place": range(len(measures))}, {"measure": pl.String, "place": pl.Int32}
        )
        self._now = pl.DataFrame(
            {
                "source": [state.source for state in states],
                "now_size": [state.size for state in states],
                "now_modified_ns": [state.modified_ns for state in states],
                "settled": [state.settled for state in states],
                "position": range(len(states)),
            },
            {
                "source": pl.String,
                "now_size": pl.Int64,
                "now_modified_ns": pl.Int64,
                "settled": pl.Boolean,
                "position": pl.Int64,
            },
        )
        self._asked: list[pl.DataFrame] = []
        self._last: list[pl.DataFrame] = []

    def take(self, part: pl.LazyFrame) -> None:
        """Take from a part the rows that may hold, and what was recorded last of each source."""
        source_now = self._now.lazy()
        asked = (
            part.filter(self._scored_so())
            .select(_NEEDED)
            .join(self._places.lazy(), on="measure")
            .join(source_now, on="source")
            .filter(pl.col("size") == pl.col("now_size"))
        )
        last = (
            part.select("source", "content", "settings", "recorded_at")
            .unique()
            .join(source_now.select("source", "position"), on="source")
        )
        for collected, rows in zip((self._asked, self._last), pl.collect_all([asked, last]), strict=True):
            collected.append(rows.drop("source"))

    def find(self, content_hash: Callable[[int], str | None]) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The rows that hold, once all parts were taken.

        Parameters
        ----------
        content_hash : callable
            Of the source at a position; None where it cannot be read. Called only for sources of which size, but not
            time, agrees with a row.

        Returns
        -------
        known : polars.DataFrame
            The rows of each source that has all of them, each measure once for each checkpoint; with the columns
            `position` (index in `states`) and `place` (index in `measures`).
        again : polars.DataFrame
            Columns `position` and `content`: the known sources that are to be recorded again as they are now, so that
            the next run need not look at their content, and that what was found is the latest of them.
        """
        asked = pl.concat(self._asked)
        same_time = asked.filter(pl.col("modified_ns") == pl.col("now_modified_ns"))
        known = self._complete(_of_last_content(same_time))
        rest = asked.join(known, on="position", how="anti")
        positions = rest["position"].unique().sort()
        hashed = pl.DataFrame(
            {"position": positions, "content": [content_hash(position) for position in positions]},
            {"position": pl.Int64, "content": pl.String},
        )
        same_content = self._complete(rest.join(hashed, on=["position", "content"], how="semi"))
        again = pl.concat([same_content, known.join(self._overtaken(known), on="position", how="semi")])
        return pl.concat([known, same_content]), again.select("position", "content").unique()

    def as_now(self, part: pl.LazyFrame, sources: pl.DataFrame) -> pl.LazyFrame:
        """The rows of a part that `find` said to record again, with the time of change that the sources have now."""
        now = self._now.lazy().join(sources.lazy(), on="position")
        return (
            part.filter(self._scored_so(), pl.col("measure").is_in(self._places["measure"].to_list()))
            .join(now, on=["source", "content"], maintain_order="left")
            .with_columns(modified_ns=pl.when("settled").then("now_modified_ns"))
            .select(*COLUMNS)
        )

    def _scored_so(self) -> pl.Expr:
        scored_so = (pl.col("settings") == self._settings.fingerprint()) & (
            pl.col("required") == self._settings.required
        )
        return scored_so & pl.col("variance").is_not_null() if self._variances else scored_so

    def _complete(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows of the sources that have every measure of every checkpoint, the latest of each."""
        each = ["position", "row", "place"]
        if rows.select(each).is_duplicated().any():
            rows = rows.sort("recorded_at").unique(each, keep="last")
        found = rows.group_by("position").agg(
            pl.len().alias("found"), pl.col("checkpoints").min(), pl.col("checkpoints").max().alias("most")
        )
        whole = found.filter(
            pl.col("checkpoints") == pl.col("most"), pl.col("found") == pl.col("checkpoints") * self._places.height
        )
        return rows.join(whole, on="position", how="semi")

    def _overtaken(self, known: pl.DataFrame) -> pl.DataFrame:
        """The known sources of which something else was recorded later: another content, or the same read otherwise."""
        current = known.group_by("position").agg(
            pl.col("content").first().alias("known"), pl.col("recorded_at").max().alias("known_at")
        )
        others = pl.concat(self._last).join(current, on="position")
        return others.filter(
            pl.col("recorded_at") > pl.col("known_at"),
            (pl.col("settings") != self._settings.fingerprint()) | (pl.col("content") != pl.col("known")),
        ).select("position")


def _of_last_content(rows: pl.DataFrame) -> pl.DataFrame:
    """Of each source the rows of one content, should several look alike from outside: the one recorded last."""
    several = rows.group_by("position").agg(pl.col("content").n_unique()).filter(pl.col("content") > 1)
    if not several.height:
        return rows
    last = rows.group_by("position").agg(pl.col("content").get(pl.col("recorded_at").arg_max()))
    return rows.join(last, on=["position", "content"], how="semi")
