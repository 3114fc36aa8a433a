"""The peers, each used as its own documentation shows, on the same bucket and the same objects.

They have the same four verbs, so that a measurement can ask any of them. ``forget`` empties whatever a
peer keeps on this machine between two reads.
"""

from __future__ import annotations

import io
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from bench.server import Bucket


class Peer:
    """Somebody who can keep a table in a bucket."""

    name = ""

    def put_parquet(self, key: str, frame: pd.DataFrame) -> Any:
        """Save ``frame`` as Parquet."""
        raise NotImplementedError

    def get_parquet(self, key: str) -> pd.DataFrame:
        """Read it back."""
        raise NotImplementedError

    def forget(self) -> None:
        """Empty the caches on this machine."""


class Bare(Peer):
    """pyarrow and boto3 with nothing around them: what the kit costs is measured against this.

    Parameters
    ----------
    bucket
        Where.
    client
        An S3 client.
    parquet
        Arguments of ``pyarrow.parquet.write_table``, the same as the kit's.
    """

    name = "bare pyarrow + boto3"

    def __init__(self, bucket: Bucket, client: Any, parquet: dict[str, Any]) -> None:
        self.bucket, self.client, self.parquet = bucket.name, client, parquet

    def put_parquet(self, key: str, frame: pd.DataFrame) -> Any:
        """Encode in memory and send."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        sink = io.BytesIO()
        pq.write_table(pa.Table.from_pandas(frame), sink, **self.parquet)
        return self.client.put_object(Bucket=self.bucket, Key=key, Body=sink.getvalue())

    def get_parquet(self, key: str) -> pd.DataFrame:
        """Read all the bytes and decode."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        data = self.client.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return pq.read_table(pa.BufferReader(data)).to_pandas()


class AwsWrangler(Peer):
    """awswrangler (AWS SDK for pandas)."""

    name = "awswrangler"

    def __init__(self, bucket: Bucket) -> None:
        import awswrangler

        self.library, self.root = awswrangler, f"s3://{bucket.name}/awswrangler/"
        self.library.config.s3_endpoint_url = bucket.endpoint

    def put_parquet(self, key: str, frame: pd.DataFrame) -> Any:
        """``wr.s3.to_parquet``."""
        return self.library.s3.to_parquet(frame, path=self.root + key)

    def get_parquet(self, key: str) -> pd.DataFrame:
        """``wr.s3.read_parquet``."""
        return self.library.s3.read_parquet(self.root + key)


class PandasS3fs(Peer):
    """pandas, which hands ``s3://`` addresses to s3fs."""

    name = "pandas + s3fs"

    def __init__(self, bucket: Bucket) -> None:
        self.root, self.options = f"s3://{bucket.name}/pandas/", {"endpoint_url": bucket.endpoint}

    def put_parquet(self, key: str, frame: pd.DataFrame) -> Any:
        """``DataFrame.to_parquet``."""
        return frame.to_parquet(self.root + key, storage_options=self.options)

    def get_parquet(self, key: str) -> pd.DataFrame:
        """``pandas.read_parquet``."""
        import pandas

        return pandas.read_parquet(self.root + key, storage_options=self.options)

    def put_csv(self, key: str, frame: pd.DataFrame) -> Any:
        """``DataFrame.to_csv``."""
        return frame.to_csv(self.root + key, index=False, storage_options=self.options)

    def get_csv(self, key: str, **told: Any) -> pd.DataFrame:
        """``pandas.read_csv``, which leaves times and categories as text unless it is told."""
        import pandas

        return pandas.read_csv(self.root + key, storage_options=self.options, **told)


class Pins(Peer):
    """pins, on a versioned board."""

    name = "pins"

    def __init__(self, bucket: Bucket, cache: Path) -> None:
        import pins

        self.cache = cache
        os.environ["PINS_CACHE_DIR"] = str(cache)  # the argument of that name is not implemented
        self.board = pins.board_s3(f"{bucket.name}/pins", versioned=True, endpoint_url=bucket.endpoint)

    def put_parquet(self, key: str, frame: pd.DataFrame) -> Any:
        """``board.pin_write(type="parquet")``."""
        return self._write(frame, key, "parquet")

    def get_parquet(self, key: str) -> pd.DataFrame:
        """``board.pin_read``."""
        return self.board.pin_read(key.replace(".", "-"))

    def put_json(self, key: str, obj: Any) -> Any:
        """``board.pin_write(type="json")``."""
        return self._write(obj, key, "json")

    def get_json(self, key: str) -> Any:
        """``board.pin_read``."""
        return self.board.pin_read(key.replace(".", "-"))

    def _write(self, obj: Any, key: str, kind: str) -> Any:
        from contextlib import redirect_stderr

        with redirect_stderr(io.StringIO()):  # it prints the name of each pin
            return self.board.pin_write(obj, key.replace(".", "-"), type=kind, force_identical_write=True)

    def forget(self) -> None:
        """Empty pins' cache."""
        shutil.rmtree(self.cache, ignore_errors=True)
        self.cache.mkdir(parents=True)
