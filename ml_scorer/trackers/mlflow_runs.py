"""Results as runs of MLflow."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from time import time_ns
from typing import TYPE_CHECKING, ClassVar, Final, TypeAlias, TypeVar

from ml_scorer.addresses import public_address, without_secrets_in
from ml_scorer.errors import MissingExtraError, TrackerError, some
from ml_scorer.report.cells import printable
from ml_scorer.trackers.metric_names import metric_name
from ml_scorer.trackers.mlflow_settings import mlflow_settings
from ml_scorer.trackers.mlflow_tags import KEY, RUN, note_tags, run_key, run_tags, same_measurements
from ml_scorer.trackers.records import Record, Results
from ml_scorer.trackers.tracker import Tracker

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Run

EXPERIMENT: Final = "ml-scorer"
"""Where the environment names no other."""

_METRICS_AT_ONCE: Final = 1000
_TAGS_AT_ONCE: Final = 100
"""Most that MLflow takes in one call."""

_RUNS_AT_ONCE: Final = 1000

_SEARCHED: Final = 20
"""Runs that are searched for one by one; where there are more, those of the experiment are listed."""

_CALLS_AT_ONCE: Final = 4
"""Most of the time of a call is waiting, for a database or a network."""

_WITHOUT_SCHEME: Final = re.compile(r"(localhost|[\w-]+(\.[\w-]+)+|[\w-]+(?=:\d))(:\d+)?(/.*)?")
"""A server, which MLflow would take for a folder."""

_LONGEST_NAME: Final = 250
_LONGEST_REASON: Final = 200

_Item = TypeVar("_Item")

Place: TypeAlias = tuple[str, int]
"""Name of a metric, and step."""


@dataclass(frozen=True)
class _Latest:
    """Numbers that a run has, the latest of each place, and when they were logged (ms) where that was asked for."""

    numbers: dict[Place, float]
    times: dict[Place, int] = field(default_factory=dict)


class MLflow(Tracker):
    """A run of MLflow for each training run, its metrics at their steps; or for each checkpoint that tells no step.

    A run that was made for the same name and goes on to hold the same measurements is gone on with, and numbers that
    are its latest are not logged again.
    """

    form: ClassVar[str] = "mlflow[=URI]"
    meaning: ClassVar[str] = "runs on the server of MLFLOW_TRACKING_URI, in the experiment MLFLOW_EXPERIMENT_NAME"

    def __init__(self, where: str | None) -> None:
        self._uri = where

    def check(self) -> None:
        """Make sure that mlflow is installed, its server answers within seconds, and the experiment is there."""
        where = self._named
        if _WITHOUT_SCHEME.fullmatch(where):
            address = printable(public_address(f"http://{where}"))
            raise TrackerError(
                f"{self.place} cannot be reached: an address starts with http:// or https://. Name {address}."
            )
        advice = "Name its address" if where else "No address is named: do so"
        with (
            mlflow_settings(checking=True),
            self._told("cannot be reached", f" {advice} with --log mlflow=URI or MLFLOW_TRACKING_URI."),
        ):
            self._client.search_experiments(max_results=1)
            self._experiment()

    @property
    def place(self) -> str:
        """The server, without a password that its address may hold."""
        return f"MLflow at {printable(public_address(self._named or 'its default'))}"

    def log(self, results: Results) -> list[str]:
        """Log what is not there yet as the latest, a few calls for each run."""
        done = 0
        changed: list[str] = []
        try:
            with mlflow_settings(checking=False), self._told("stopped"):
                experiment = self._experiment()
                keyed = {run_key(name): (name, steps) for name, steps in results.series.items()}
                runs = self._runs(experiment, list(keyed))

                def log_one(key: str) -> tuple[int, list[str]]:
                    name, steps = keyed[key]
                    return len(steps), self._log_series(experiment, name, steps, results, runs.get(key, ()))

                with ThreadPoolExecutor(_CALLS_AT_ONCE) as pool:
                    for number, other in pool.map(log_one, keyed):
                        done += number
                        changed += other
        except TrackerError as error:
            raise TrackerError(
                f"{error} {done:,} of {len(results.records):,} checkpoints are logged. Log again later: what is there "
                f"already is left as it is."
            ) from error
        return changed

    @cached_property
    def _client(self) -> MlflowClient:
        try:
            from mlflow import MlflowClient
        except ImportError as error:
            raise MissingExtraError("--log mlflow", "mlflow") from error
        return MlflowClient(tracking_uri=self._uri)

    @property
    def _named(self) -> str:
        return self._uri or os.environ.get("MLFLOW_TRACKING_URI") or ""

    @contextmanager
    def _told(self, what: str, advice: str = "") -> Iterator[None]:
        """Turn what MLflow says into one sentence, without the password that an address may hold."""
        try:
            yield
        except (MissingExtraError, TrackerError):
            raise
        except Exception as error:
            raise TrackerError(f"{self.place} {what}: {_reason(error, self._named)}.{advice}") from error

    def _experiment(self) -> str:
        """The experiment, made where there is none of its name."""
        from mlflow.exceptions import MlflowException

        name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or EXPERIMENT
        called = repr(some([name], 1))
        found = self._client.get_experiment_by_name(name)
        if found is None:
            try:
                return str(self._client.create_experiment(name))
            except MlflowException as error:
                found = self._client.get_experiment_by_name(name)  # somebody else may have made it meanwhile
                if found is None:
                    raise TrackerError(
                        f"the experiment {called} cannot be made in MLflow: {_reason(error, self._named)}. Name "
                        f"another one with MLFLOW_EXPERIMENT_NAME."
                    ) from error
        if found.lifecycle_stage != "active":
            raise TrackerError(
                f"the experiment {called} is deleted in MLflow. Restore it, or name another one with "
                f"MLFLOW_EXPERIMENT_NAME."
            )
        return str(found.experiment_id)

    def _runs(self, experiment: str, keys: Sequence[str]) -> dict[str, list[Run]]:
        """The runs that were made for the same names, the first ones first."""
        listed = len(keys) > _SEARCHED
        filters = [""] if listed else [f"tags.`{KEY}` = '{key}'" for key in keys]
        found: dict[str, list[Run]] = {}
        for text in filters:
            token, more = None, True
            while more:
                page = self._client.search_runs(
                    [experiment], text, max_results=_RUNS_AT_ONCE, order_by=["start_time ASC"], page_token=token
                )
                for run in page:
                    found.setdefault(run.data.tags.get(KEY, ""), []).append(run)
                token = page.token
                more = bool(token)
        return found

    def _log_series(
        self, experiment: str, name: str, steps: Sequence[tuple[int, Record]], results: Results, runs: Iterable[Run]
    ) -> list[str]:
        """Log one series to its run; return those of its checkpoints that had other numbers."""
        tags = run_tags(name, results, steps)
        run = next((run for run in runs if same_measurements(run.data.tags, tags)), None)
        points = {(metric_name(tag), step): x for step, record in steps for tag, x in record.numbers().items()}
        latest = _Latest({}) if run is None else self._latest(run, points)
        tags |= note_tags(results, steps, {} if run is None else run.data.tags, latest.numbers)
        if run is None:
            run = self._client.create_run(experiment, tags=tags, run_name=_run_name(name))
        else:
            self._tag(run, tags)
        now = time_ns() // 1_000_000
        metrics = [
            _metric(place, number, max(now, latest.times.get(place, 0) + 1))
            for place, number in points.items()
            if latest.numbers.get(place) != number
        ]
        for batch in _batches(metrics, _METRICS_AT_ONCE):
            self._client.log_batch(run.info.run_id, metrics=batch)
        if run.info.status == "RUNNING":
            self._client.set_terminated(run.info.run_id)
        return [record.called(name, step) for step, record in steps if _differs(latest, step, record)]

    def _latest(self, run: Run, points: Mapping[Place, float]) -> _Latest:
        """The latest number of each point that a run has; where it has no steps it says these of itself."""
        there = run.data.metrics
        stepped = RUN in run.data.tags
        latest = _Latest({} if stepped else {(name, 0): number for name, number in there.items()})
        names = {name for (name, _), number in points.items() if name in there and (stepped or there[name] != number)}
        for name in names:
            history = self._client.get_metric_history(run.info.run_id, name)
            for metric in sorted(history, key=lambda metric: (metric.timestamp, metric.value)):
                latest.numbers[name, metric.step] = metric.value
                latest.times[name, metric.step] = metric.timestamp
        return latest

    def _tag(self, run: Run, tags: Mapping[str, str]) -> None:
        from mlflow.entities import RunTag

        other = [RunTag(key, value) for key, value in tags.items() if run.data.tags.get(key) != value]
        for batch in _batches(other, _TAGS_AT_ONCE):
            self._client.log_batch(run.info.run_id, tags=batch)


def _reason(error: BaseException, address: str) -> str:
    """What went wrong, in the words of the operating system where it was the network."""
    chain = [error]
    while (cause := chain[-1].__cause__ or chain[-1].__context__) is not None:
        chain.append(cause)
    said = next((one.strerror for one in chain if isinstance(one, OSError) and one.strerror), None)
    if said is None and any("Timeout" in type(one).__name__ for one in chain):
        said = "no answer in time"
    said = said or str(error).partition(" Response body:")[0] or type(error).__name__
    text = printable(" ".join(without_secrets_in(said, address).split())).rstrip(".")
    return text if len(text) <= _LONGEST_REASON else f"{text[:_LONGEST_REASON]}…"


def _differs(latest: _Latest, step: int, record: Record) -> bool:
    """Whether there are other numbers of a checkpoint."""
    numbers = {(metric_name(name), step): number for name, number in record.lasting().items()}
    return any(latest.numbers.get(place, number) != number for place, number in numbers.items())


def _metric(place: Place, number: float, time: int) -> Metric:
    from mlflow.entities import Metric

    name, step = place
    return Metric(name, number, time, step)


def _run_name(name: str) -> str:
    text = printable(name)
    return text if 0 < len(text) <= _LONGEST_NAME else f"{text[: _LONGEST_NAME - 1]}…" if text else "(no name)"


def _batches(items: Sequence[_Item], most: int) -> Iterator[list[_Item]]:
    left = iter(items)
    while batch := list(islice(left, most)):
        yield batch


__all__ = ["MLflow"]
