"""An object store on loopback that speaks S3: moto's server, in this process or one of its own."""

import logging
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from processes import Process

BUCKET = "granules"
OTHERS = ("my-bucket", "nsidc-cumulus-prod-protected")
KEYS = {
    "AWS_ACCESS_KEY_ID": "nobody",
    "AWS_SECRET_ACCESS_KEY": "nothing",
    "AWS_DEFAULT_REGION": "us-west-2",
    "AWS_EC2_METADATA_DISABLED": "true",  # else its libraries ask there for keys
}


class Store:
    """Two buckets, filled and looked at with the library of record."""

    def __init__(self, endpoint: str) -> None:
        import boto3

        self.endpoint = endpoint
        self.client = boto3.client("s3", endpoint_url=endpoint)
        for bucket in (BUCKET, *OTHERS):
            self.client.create_bucket(
                Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "us-west-2"}
            )

    def put(self, path: Path, key: str = "", bucket: str = BUCKET) -> str:
        """Store a file, in a folder (``key/``) under its name; return its address."""
        key = f"{key}{path.name}" if key.endswith("/") or not key else key
        self.client.put_object(Bucket=bucket, Key=key, Body=path.read_bytes())
        return f"s3://{bucket}/{key}"

    def contents(self, prefix: str = "") -> dict[str, bytes]:
        """Return all objects below a prefix, by their keys."""
        listed = self.client.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
        return {
            one["Key"]: self.client.get_object(Bucket=BUCKET, Key=one["Key"])["Body"].read()
            for one in listed
        }

    def times(self, prefix: str = "") -> dict[str, object]:
        """Return when each object below a prefix was written."""
        listed = self.client.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
        return {one["Key"]: one["LastModified"] for one in listed}

    def remove(self, prefix: str = "") -> None:
        """Remove all objects below a prefix."""
        for key in self.contents(prefix):
            self.client.delete_object(Bucket=BUCKET, Key=key)


@contextmanager
def object_store() -> Iterator[Store]:
    """Run the server for as long as the block lasts, with keys in the environment."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    endpoint = "http://{}:{}".format(*server.get_host_and_port())
    try:
        # What another of these servers was given, this one would have too.
        urllib.request.urlopen(f"{endpoint}/moto-api/reset", data=b"").close()
        with mock.patch.dict(os.environ, KEYS):
            yield Store(endpoint)
    finally:
        server.stop()


SERVE = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print("http://{}:{}".format(*server.get_host_and_port()), flush=True)
sys.stdin.read()
"""


@contextmanager
def object_store_apart() -> Iterator[Store]:
    """Run the server as a process of its own: in one that waits for TileDB it could not answer."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with (
        Process([sys.executable, "-c", SERVE], text=True, **pipes) as process,
        mock.patch.dict(os.environ, KEYS),
    ):
        yield Store(process.stdout.readline().strip())
