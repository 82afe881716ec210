"""Write a table: the same bytes for the same rows, and never half a file."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import polars as pl

from ml_scorer.errors import MissingExtraError


def require_pyarrow() -> None:
    """Raise MissingExtraError unless pyarrow, which writes the table, is installed."""
    try:
        import pyarrow.parquet  # noqa: F401 - whether it can be
    except ImportError as error:
        raise MissingExtraError("build-cache", "build") from error


def table_bytes(frame: pl.DataFrame, metadata: Mapping[str, str]) -> bytes:
    """The table as a Parquet file.

    Encodings were chosen for size on the real annotations: the two bytes of all labels in streams of their own (byte
    stream split), lengths of names as differences, everything under zstd; without statistics, without Arrow's own copy
    of the schema, and without a clock.

    Parameters
    ----------
    frame : polars.DataFrame
        In the schema of its kind of table, rows by `file_name`.
    metadata : mapping of str to str
        Written as the file's key-value metadata, in this order.
    """
    require_pyarrow()
    import pyarrow as pa
    import pyarrow.parquet as pq

    labels = pa.list_(pa.field("element", pa.uint16(), nullable=False))
    types = {pl.String(): pa.string(), pl.UInt16(): pa.uint16(), pl.List(pl.UInt16()): labels, pl.Boolean(): pa.bool_()}
    schema = pa.schema(
        [pa.field(name, types[dtype], nullable=name == "is_imagenet_m") for name, dtype in frame.schema.items()]
    )
    # Polars hands its columns over as they lie in memory; from Python objects it would take 60 MB more. How many pieces
    # they lie in would show in the pages.
    table = frame.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest()).cast(schema)
    label_columns = [name for name, dtype in frame.schema.items() if dtype == pl.UInt16] + [
        f"{name}.list.element" for name, dtype in frame.schema.items() if isinstance(dtype, pl.List)
    ]
    buffer = BytesIO()
    with pq.ParquetWriter(
        buffer,
        schema,
        version="2.6",
        compression="zstd",
        compression_level=15,  # higher ones save 5 kB and take 90 ms more
        data_page_size=1 << 16,  # 3 kB more than in whole pages, for 10 MB less memory
        use_dictionary=False,
        column_encoding={
            "file_name": "DELTA_LENGTH_BYTE_ARRAY",
            **dict.fromkeys(label_columns, "BYTE_STREAM_SPLIT"),
        },
        write_statistics=False,
        store_schema=False,
    ) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata(dict(metadata))
    return buffer.getvalue()


def put_in_place(content: bytes, output: Path) -> None:
    """Write a file so that at every moment the old one or the new one is there, whole.

    A temporary file in the same folder is written and flushed to the disk, then renamed over the old one.
    """
    output.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f".{output.name}.", suffix=".part", dir=output.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(output)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _flush_folder(output.parent)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _flush_folder(folder: Path) -> None:
    """Make the rename itself last, where the system can: some network file systems refuse, and the file is in place."""
    if os.name != "posix":
        return
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
