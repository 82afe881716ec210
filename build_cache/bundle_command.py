"""`build-cache bundle`: all that a machine without a network needs."""

from __future__ import annotations

import click

from ml_scorer.annotations.identity import Identity


@click.command()
@click.option("--annotations", metavar="TABLE", required=True, help="The annotation table to carry over.")
@click.option("--real", metavar="TABLE", help="The table of reassessed labels, for the measure ReaL.")
@click.option(
    "--wheel", metavar="FILE", help="The wheel of ml-scorer. Default: the released one of the version that runs this."
)
@click.option("--python", metavar="X.Y", help="Version of Python there. Default: the one that runs this.")
@click.option(
    "--platform",
    metavar="TAG",
    help="Platform there, as wheels call it: manylinux_2_28_x86_64 (Linux whose C library is 2.28 or newer), "
    "macosx_14_0_arm64, win_amd64, … Default: this machine's.",
)
@click.option(
    "--extra",
    "extras",
    metavar="NAME",
    multiple=True,
    help="Pack what an extra needs as well; give it again for more. `ml-scorer doctor` says what each adds.",
)
@click.option("-o", "--output", metavar="DIR", required=True, help="Folder to write: a new or an empty one.")
def bundle(
    annotations: str,
    real: str | None,
    wheel: str | None,
    python: str | None,
    platform: str | None,
    extras: tuple[str, ...],
    output: str,
) -> None:
    """Put all that a machine without a network needs into a folder, to be carried there and installed with pip.

    \b
    build-cache bundle --annotations annotations.parquet -o bundle
    build-cache bundle --annotations annotations.parquet --extra report --python 3.12 \\
        --platform manylinux_2_28_x86_64 -o bundle

    The wheels of ml-scorer and of all that it needs there, the table as a package that ml-scorer finds by itself, a
    guide, and the sums of all files.
    """  # noqa: D301 (\b is click's mark for text that is not to be re-wrapped)
    from build_cache.bundle import bundle as write_bundle
    from build_cache.bundle import target_of

    written = write_bundle(
        output,
        annotations,
        real=real,
        wheel=wheel,
        extras=extras,
        target=target_of(python, platform),
        say=lambda sentence: click.echo(sentence, err=True),
    )
    click.echo(
        f"wrote {written.folder}: {len(written.wheels)} wheels, {written.size / 1e6:,.1f} MB, for {written.target}"
    )
    click.echo(f"  {written.installed[0]} {written.wheels['ml-scorer'].version}")
    for name, identity in written.tables.items():
        click.echo(f"  {name} {written.wheels[name].version}: {_status(identity)}, fingerprint {identity.fingerprint}")
    click.echo(f"Carry it over, and install it there:\n  {written.install_line}")


def _status(identity: Identity) -> str:
    if identity.status == "synthetic":
        return "SYNTHETIC, which ml-scorer does not use unless it is named"
    return f"genuine {identity.release}" if identity.genuine else identity.name
