"""S3 against `aws s3 cp` and rclone, on the same moto server: one large file in parts, and 200 files of 10 kB, both ways.
The server is the slowest part of each, so the ratios are nearer to 1 than with a real one.

Run with: script/bench-peers; .venv/bin/python bench/s3.py [MEGABYTES]
"""

import os
import resource
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

import s3_server
from peers import AWS, RCLONE, call, compare, require
from remote_clients import Client

FILES, FILE_BYTES = 200, 10_000


def main() -> None:
    require(AWS, RCLONE)
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 256
    shm = Path("/dev/shm")
    room = shutil.disk_usage(shm).free if shm.is_dir() else 0
    with tempfile.TemporaryDirectory(
        prefix="nightdrop-bench-", dir=shm if room > 8 * megabytes * 10**6 else None
    ) as folder:
        run(Path(folder), megabytes)


def run(folder: Path, megabytes: int) -> None:
    site = folder / "site"
    (site / "many").mkdir(parents=True)
    block = os.urandom(1_000_000)
    (site / "large").write_bytes(block * megabytes)
    for number in range(FILES):
        (site / "many" / f"{number}").write_bytes(os.urandom(FILE_BYTES))
    (folder / "server").mkdir()
    server = s3_server.start(folder / "server")
    try:
        client = Client("s3", site, server.fields(), {"UploadPolicy": 1, "DownloadPolicy": 1})
        check(client, client.connect())
        transfers(folder, server, client, megabytes)
        client.close()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"peak memory of this process, which has our client {peak:6.0f} MB")
    finally:
        server.stop()


def transfers(folder: Path, server: s3_server.S3Server, client: Client, megabytes: int) -> None:
    site, bucket = folder / "site", f"s3://{s3_server.BUCKET}"
    keys = {
        "AWS_ACCESS_KEY_ID": server.key,
        "AWS_SECRET_ACCESS_KEY": server.secret,
        "AWS_DEFAULT_REGION": s3_server.REGION,
        "AWS_ENDPOINT_URL": server.endpoint,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    # Without no_head rclone looks at what it has sent in parts under the version "null", which moto refuses.
    options = f"provider=Other,env_auth=true,no_head=true,region={s3_server.REGION},endpoint='{server.endpoint}'"
    remote = f":s3,{options}:{s3_server.BUCKET}"

    def aws(*arguments: str) -> None:
        call([AWS, "s3", "cp", "--only-show-errors", *arguments], keys)

    def rclone(*arguments: str) -> None:
        call([RCLONE, "copy", "--no-check-dest", "--ignore-times", *arguments], keys)

    large = f"{megabytes} MB"
    compare(
        f"upload {large}",
        lambda: check(client, client.Upload("large", "ours")),
        aws=lambda: aws(str(site / "large"), f"{bucket}/aws/large"),
        rclone=lambda: rclone(str(site / "large"), f"{remote}/rclone"),
    )
    compare(
        f"download {large}",
        lambda: check(client, client.Download("ours/large", "back")),
        aws=lambda: aws(f"{bucket}/aws/large", str(folder / "aws-large")),
        rclone=lambda: rclone(f"{remote}/rclone/large", str(folder / "rclone")),
    )
    compare(
        f"upload {FILES} files of 10 kB",
        lambda: check(client, client.Upload("many/*", "ours/many")),
        aws=lambda: aws("--recursive", str(site / "many"), f"{bucket}/aws/many"),
        rclone=lambda: rclone(str(site / "many"), f"{remote}/rclone/many"),
    )
    compare(
        f"download {FILES} files of 10 kB",
        lambda: check(client, client.Download("ours/many/*", "back")),
        aws=lambda: aws("--recursive", f"{bucket}/aws/many", str(folder / "aws-many")),
        rclone=lambda: rclone(f"{remote}/rclone/many", str(folder / "rclone-many")),
    )


def check(client: Client, worked: bool) -> None:
    if not worked:
        sys.exit(client.lines())


if __name__ == "__main__":
    main()
