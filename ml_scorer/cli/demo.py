"""`ml-scorer demo`: the whole way, offline and from nothing, on made-up annotations and checkpoints."""

from __future__ import annotations

import shlex
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import click
import numpy as np

from ml_scorer.annotations import Annotations, load_annotations
from ml_scorer.cli.score import score
from ml_scorer.errors import MissingExtraError
from ml_scorer.schema import NUM_CLASSES, Labels

STEPS: Final = range(500, 50_001, 500)
RUNS: Final = {"baseline": (0.84, 9_000), "augmented": (0.856, 12_000), "distilled": (0.845, 7_000)}
"""Each made-up training run: the share of images it gets right in the end, and the steps it needs for most of that."""


@click.command()
@click.option(
    "-o",
    "--output",
    metavar="FOLDER",
    default="ml-scorer-demo",
    show_default=True,
    help="Where the annotations, the checkpoints and the scores are left for you to look at.",
)
def demo(output: str) -> None:  # fmt: skip
    """Export synthetic annotations, make 300 checkpoints up, score them, show the best.

    Needs no network and no files. Every number in it is SYNTHETIC.

    \b
    ml-scorer demo
    ml-scorer demo -o /tmp/demo
    """  # noqa: D301 (\b is click's mark for text that is not to be re-wrapped)
    if find_spec("pyarrow") is None:
        raise MissingExtraError("ml-scorer demo exports a table, which", "build")
    folder = Path(output)
    table, checkpoints, scores = folder / "annotations.parquet", folder / "checkpoints", folder / "scores.csv"

    click.echo("1. Made-up annotations, through the export that real ones take:")
    # The scorer knows nothing of the export, and so starts it as you would.
    export = ["build-cache", "synthetic", "--seed", "0", "-o", str(table)]
    click.echo(f"$ {shlex.join(export)}")
    if subprocess.run([sys.executable, "-m", "build_cache", *export[1:]], check=False).returncode:  # noqa: S603 (our own)
        raise click.ClickException("the export above failed.")

    click.echo(f"\n2. {len(RUNS)} made-up training runs, {len(STEPS)} checkpoints each: {checkpoints}/*.npy")
    files = write_checkpoints(load_annotations(table), checkpoints)

    click.echo("\n3. All scores as a file, then the ten best:")
    fixed = ["--annotations", str(table), "--order", "annotations"]
    for options in (["-o", str(scores)], ["--top", "10"]):
        pattern = f"{shlex.quote(str(checkpoints))}/*.npy"
        click.echo(f"$ ml-scorer score {pattern} {shlex.join([*fixed, *options])}")
        score.main([*map(str, files), *fixed, *options], standalone_mode=False)
    page = shlex.join(["ml-scorer", "report", str(checkpoints), *fixed, "-o", str(folder / "report.html")])
    click.echo(f"\nTo look at all of them in a browser (extra `report`):\n$ {page}")
    click.echo(
        "\nAll of this is SYNTHETIC. For the real thing, get the annotations once (build-cache download), then\n"
        "$ ml-scorer score YOUR_PREDICTIONS.csv"
    )


def write_checkpoints(annotations: Annotations, folder: Path) -> list[Path]:
    """Write the labels of every checkpoint of every run, `(images,)` int16 in the order of the annotations."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    right, likely = _right_and_likely_labels(annotations, random)
    files = []
    for run, (final, pace) in RUNS.items():
        difficulty = random.random(len(annotations))
        chance = random.integers(0, NUM_CLASSES, len(annotations), dtype=np.int16)
        for step in STEPS:
            share = final * (1 - np.exp(-step / pace))
            wobble = difficulty + random.normal(0, 0.01, len(annotations))
            labels = np.where(wobble < share, right, np.where(wobble < share + 0.1, likely, chance))
            files.append(folder / f"{run}-{step:05d}.npy")
            np.save(files[-1], labels)
    return files


def _right_and_likely_labels(annotations: Annotations, random: np.random.Generator) -> tuple[Labels, Labels]:
    """For each image a label that experts accept, where there is one, and one that models are likely to predict."""
    shuffled = random.permutation(annotations.reviewed_rows.size)
    accepted = shuffled[annotations.verdicts[shuffled] < 2]  # noqa: PLR2004 (correct or unclear)
    right, likely = annotations.original_labels.copy(), annotations.original_labels.copy()
    right[annotations.reviewed_rows[accepted]] = annotations.reviewed_labels[accepted]
    likely[annotations.reviewed_rows[shuffled]] = annotations.reviewed_labels[shuffled]
    return right, likely
