"""`python -m ml_scorer` is `ml-scorer`."""

from ml_scorer.cli import main

main(prog_name="ml-scorer")
