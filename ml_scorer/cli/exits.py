"""How commands end: a refused input is one sentence on standard error and exit status 1, never a traceback."""

from __future__ import annotations

from typing import Any

import click

from ml_scorer.errors import (
    AnnotationsError,
    BundleError,
    EngineError,
    GroupsError,
    MeasureError,
    MissingExtraError,
    PredictionsError,
    StoreError,
    TrackerError,
)
from ml_scorer.report.cells import printable_lines

REFUSALS = (
    AnnotationsError,
    BundleError,
    EngineError,
    GroupsError,
    MeasureError,
    PredictionsError,
    StoreError,
    TrackerError,
    MissingExtraError,
    OSError,
)


class RefusingGroup(click.Group):
    """A group of commands that turns the errors that mean a refused input into a message and exit status 1."""

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 (click's own signature)
        """Run the command."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise  # click ends quietly
        except REFUSALS as error:
            raise click.ClickException(printable_lines(str(error))) from error
