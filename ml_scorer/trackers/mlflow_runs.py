"""Results as runs of MLflow."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property
from hashlib import sha256
from itertools import islice
from time import time_ns
from typing import TYPE_CHECKING, ClassVar, Final, TypeVar

from ml_scorer.addresses import public_address, without_secrets_in
from ml_scorer.errors import MissingExtraError, TrackerError
from ml_scorer.report.cells import printable, warnings
from ml_scorer.signature import measurement
from ml_scorer.trackers.metric_names import metric_name
from ml_scorer.trackers.mlflow_settings import mlflow_settings
from ml_scorer.trackers.records import Record, Results
from ml_scorer.trackers.tracker import Tracker
from ml_scorer.version import tool_version

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Run

EXPERIMENT: Final = "ml-scorer"
"""Where the environment names no other."""

KEY: Final = "ml_scorer.key"
"""Tag that a run is found again by: names can be too long, and hold what a search cannot."""

_RUN: Final = "ml_scorer.run"
_CHECKPOINT: Final = "ml_scorer.checkpoint"
"""Tags with the name: of a training run, whose metrics have steps, or of a single checkpoint."""

_SIGNATURE: Final = "signature."
"""Starts the tag with the signature of a measure."""

_METRICS_AT_ONCE: Final = 1000
_TAGS_AT_ONCE: Final = 100
"""Most that MLflow takes in one call."""

_RUNS_AT_ONCE: Final = 1000

_SEARCHED: Final = 20
"""Runs that are searched for one by one; where there are more, those of the experiment are listed."""

_CALLS_AT_ONCE: Final = 4
"""Most of the time of a call is waiting, for a database or a network."""

_LONGEST_TAG: Final = 5000
_LONGEST_NAME: Final = 250
_LONGEST_REASON: Final = 200

_Item = TypeVar("_Item")


class MLflow(Tracker):
    """A run of MLflow for each training run, its metrics at their steps; or for each checkpoint that tells no step.

    A run that was made for the same name and goes on to hold the same measurements is gone on with, and numbers that
    it has are not logged again.
    """

    form: ClassVar[str] = "mlflow[=URI]"
    meaning: ClassVar[str] = "runs on the server of MLFLOW_TRACKING_URI, in the experiment MLFLOW_EXPERIMENT_NAME"

    def __init__(self, where: str | None) -> None:
        self._uri = where

    def check(self) -> None:
        """Make sure that mlflow is installed, and that its server answers within seconds."""
        advice = " Name its address with --log mlflow=URI or MLFLOW_TRACKING_URI."
        with mlflow_settings(checking=True), self._told("cannot be reached", advice):
            self._client.search_experiments(max_results=1)

    def log(self, results: Results) -> None:
        """Log what is not there yet, a few calls for each run."""
        done = 0
        try:
            with mlflow_settings(checking=False), self._told("stopped"):
                experiment = self._experiment()
                keyed = {_key(name): (name, steps) for name, steps in results.series.items()}
                runs = self._runs(experiment, list(keyed))

                def log_one(key: str) -> int:
                    name, steps = keyed[key]
                    return self._log_series(experiment, name, steps, results, runs.get(key, ()))

                with ThreadPoolExecutor(_CALLS_AT_ONCE) as pool:
                    for number in pool.map(log_one, keyed):
                        done += number
        except TrackerError as error:
            raise TrackerError(
                f"{error} {done:,} of {len(results.records):,} checkpoints are logged. Log again later: what is there "
                f"already is left as it is."
            ) from error

    @cached_property
    def _client(self) -> MlflowClient:
        try:
            from mlflow import MlflowClient
        except ImportError as error:
            raise MissingExtraError("--log mlflow", "mlflow") from error
        return MlflowClient(tracking_uri=self._uri)

    @property
    def _where(self) -> str:
        return self._uri or os.environ.get("MLFLOW_TRACKING_URI") or "its default"

    @contextmanager
    def _told(self, what: str, advice: str = "") -> Iterator[None]:
        """Turn what MLflow says into one sentence, without the password that an address may hold."""
        try:
            yield
        except (MissingExtraError, TrackerError):
            raise
        except Exception as error:
            place = printable(public_address(self._where))
            raise TrackerError(f"MLflow at {place} {what}: {_reason(error, self._where)}.{advice}") from error

    def _experiment(self) -> str:
        """The experiment, made where there is none of its name."""
        from mlflow.exceptions import MlflowException

        name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or EXPERIMENT
        found = self._client.get_experiment_by_name(name)
        if found is None:
            try:
                return str(self._client.create_experiment(name))
            except MlflowException:  # somebody else has made it meanwhile
                found = self._client.get_experiment_by_name(name)
        if found is None or found.lifecycle_stage != "active":
            raise TrackerError(
                f"the experiment {name!r} is deleted in MLflow. Restore it, or name another one with "
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
    ) -> int:
        """Log one series to its run; return the number of its checkpoints."""
        tags = _tags(name, results, stepped=any(record.step for _, record in steps))
        run = next((run for run in runs if _same_measurements(run.data.tags, tags)), None)
        known = set[tuple[str, float, int]]()
        if run is None:
            run = self._client.create_run(experiment, tags=tags, run_name=_run_name(name))
        else:
            known = self._known(run, steps)
            self._tag(run, tags)
        now = time_ns() // 1_000_000
        metrics = [_metric(*point, now) for point in _points(steps) if point not in known]
        for batch in _batches(metrics, _METRICS_AT_ONCE):
            self._client.log_batch(run.info.run_id, metrics=batch)
        if run.info.status == "RUNNING":
            self._client.set_terminated(run.info.run_id)
        return len(steps)

    def _known(self, run: Run, steps: Sequence[tuple[int, Record]]) -> set[tuple[str, float, int]]:
        """The points that a run has; where it has no steps these are the latest, which it says of itself."""
        latest = run.data.metrics
        if _RUN not in run.data.tags:
            return {(name, value, 0) for name, value in latest.items()}
        names = {name for name, _, _ in _points(steps)} & set(latest)
        histories = (self._client.get_metric_history(run.info.run_id, name) for name in names)
        return {(metric.key, metric.value, metric.step) for history in histories for metric in history}

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


def _points(steps: Sequence[tuple[int, Record]]) -> Iterator[tuple[str, float, int]]:
    """Name, value and step of each metric."""
    for step, record in steps:
        for name, value in record.numbers().items():
            yield metric_name(name), value, step


def _metric(name: str, value: float, step: int, now: int) -> Metric:
    from mlflow.entities import Metric

    return Metric(name, value, now, step)


def _key(name: str) -> str:
    return sha256(name.encode("utf-8", "surrogatepass")).hexdigest()


def _tags(name: str, results: Results, *, stepped: bool) -> dict[str, str]:
    """What a run says of itself."""
    tags = {
        KEY: _key(name),
        _RUN if stepped else _CHECKPOINT: printable(name)[:_LONGEST_TAG],
        "ml_scorer.version": tool_version(),
        "ml_scorer.annotations": str(results.annotations),
        "ml_scorer.annotations_fingerprint": results.annotations.fingerprint,
        "ml_scorer.annotations_status": results.annotations.status,
        **{_SIGNATURE + metric_name(measure): text[:_LONGEST_TAG] for measure, text in results.signatures.items()},
    }
    doubt = " ".join(warnings(results.annotations))
    return {**tags, "mlflow.note.content": doubt[:_LONGEST_TAG]} if doubt else tags


def _same_measurements(there: Mapping[str, str], here: Mapping[str, str]) -> bool:
    shared = [key for key in here if key.startswith(_SIGNATURE) and key in there]
    return all(measurement(there[key]) == measurement(here[key]) for key in shared)


def _run_name(name: str) -> str:
    text = printable(name)
    return text if 0 < len(text) <= _LONGEST_NAME else f"{text[: _LONGEST_NAME - 1]}…" if text else "(no name)"


def _batches(items: Sequence[_Item], most: int) -> Iterator[list[_Item]]:
    left = iter(items)
    while batch := list(islice(left, most)):
        yield batch


__all__ = ["MLflow"]
