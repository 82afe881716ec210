"""`python -m build_cache` is `build-cache`."""

from build_cache.cli import main

main(prog_name="build-cache")
