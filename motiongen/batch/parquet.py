"""Parquet shards: a row a sample, with joints and what else a clip holds as nested lists of float32."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np

from motiongen.batch.manifest import BatchError
from motiongen.batch.shards import Shards
from motiongen.batch.worker import Result

try:
    import pyarrow as pa
    import pyarrow.parquet as pq
except ImportError:
    raise BatchError("the layout parquet needs pyarrow; run: pip install 'motiongen[batch]'") from None

# Rows that are held in memory before they go to the file.
_GROUP = 64


class Parquet(Shards):
    """Columns: those of the manifest, each metric its own and `segments` as JSON, the arrays of `npz`, and other
    formats as bytes.
    """

    ending = ".parquet"

    def _open(self, path: Path) -> None:
        self._path = path
        self._writer: Any = None
        self._rows: list[dict[str, Any]] = []

    def _write(self, result: Result, record: dict[str, Any]) -> None:
        row = {key: value for key, value in record.items() if key not in ("status", "shard", "metrics", "segments")}
        row |= record["metrics"]
        row["segments"] = json.dumps(record["segments"], ensure_ascii=False)
        for form, data in result.files.items():
            row |= _arrays(data) if form == "npz" else {form: data}
        self._rows.append(row)
        if len(self._rows) >= _GROUP:
            self._flush()

    def _flush(self) -> None:
        if not self._rows:
            return
        if self._writer is None:
            self._schema = pa.schema([(key, _type(key, value)) for key, value in self._rows[0].items()])
            self._writer = pq.ParquetWriter(self._path, self._schema, compression="zstd")
        columns = [_column([row[f.name] for row in self._rows], f.type) for f in self._schema]
        self._writer.write_table(pa.Table.from_arrays(columns, schema=self._schema))
        self._rows = []

    def _close(self) -> None:
        self._flush()
        self._writer.close()


def _arrays(data: bytes) -> dict[str, Any]:
    """The float arrays of a native npz; sentences and their frames are in the record."""
    with np.load(io.BytesIO(data), allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    return {name: array for name, array in arrays.items() if array.dtype.kind == "f" and array.ndim > 0}


def _type(name: str, value: Any) -> pa.DataType:
    if isinstance(value, np.ndarray):
        nested = pa.float32()
        for size in reversed(value.shape[1:]):
            nested = pa.list_(nested, size)
        return pa.list_(nested)
    plain = {bool: pa.bool_(), int: pa.int64(), float: pa.float64(), str: pa.string(), bytes: pa.binary()}
    # Only an alignment may be missing; options are of the kind that the run's settings give.
    return pa.float64() if value is None or name == "guidance" else plain[type(value)]


def _column(values: list[Any], kind: pa.DataType) -> pa.Array:
    if not isinstance(values[0], np.ndarray):
        return pa.array(values, kind)
    flat = pa.array(np.concatenate([value.reshape(-1).astype(np.float32) for value in values]))
    for size in reversed(values[0].shape[1:]):
        flat = pa.FixedSizeListArray.from_arrays(flat, size)
    return pa.ListArray.from_arrays(pa.array(np.cumsum([0, *map(len, values)]), pa.int32()), flat).cast(kind)
