"""The family `s3`: the tree in a bucket of a real S3 server on loopback, Ceph's RADOS Gateway, as the tests start it.

The server runs on the same cores and keeps what it stores in memory; its CPU seconds count apart. Each contender has a
bucket of its own, new in each round. Requests are those that the server's log tells of, so that no contender counts for
itself.
"""
import json
import os
import re
import subprocess
import time
from pathlib import Path

from . import contenders
from .bench import tree_bytes

FAMILY = "s3"
S3_SH = Path(__file__).resolve().parents[2] / "lib" / "s3.sh"
STEPS_BEFORE = ["first", "unchanged"]
STEPS_AFTER = ["changed", "restore", "verify"]
MEMORY_MIB = 160


class Server:
    """The gateway and what it stands on, started by the tests' own script in a shell that lives as long as they do."""

    def __init__(self, directory):
        self.directory = directory
        # A line for each request is what debug_rgw = 1 adds to the log.
        script = (f". {S3_SH}; d={directory}; s3_start $d >&2 && s3_kill_gateway $d && "
                  "sed -i 's,^debug_rgw = .*,debug_rgw = 1/0,' $d/ceph.conf && s3_start_gateway $d && echo ready && read -r; "
                  "s3_stop $d")
        self.shell = subprocess.Popen(["bash", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                      start_new_session=True)
        if self.shell.stdout.readline() != "ready\n":
            raise SystemExit("s3: no server came up")

    def stop(self):
        self.shell.communicate("\n")

    def ask(self, command):
        return subprocess.run(["bash", "-c", f". {S3_SH}; d={self.directory}; {command}"], check=True, capture_output=True,
                              text=True).stdout

    def environment(self):
        access, secret = (self.directory / "keys").read_text().split()
        return {"AWS_ACCESS_KEY_ID": access, "AWS_SECRET_ACCESS_KEY": secret, "AWS_EC2_METADATA_DISABLED": "true"}

    def cpu(self):
        """User and system seconds of the server's processes."""
        total = 0
        for name in ("mon", "osd", "rgw"):
            pid = (self.directory / "pid" / name).read_text().strip()
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            total += sum(int(f) for f in fields[11:13])
        return total / os.sysconf("SC_CLK_TCK")

    def log(self):
        time.sleep(0.5)  # it is written by a thread of its own
        return (self.directory / "log" / "client.rgw.log").read_bytes()

    def requests(self):
        return len(re.findall(rb" beast: \S+ \S+ - \S+ \[", self.log()))

    def bytes_sent(self):
        """In answers to GETs."""
        return sum(int(n) for n in re.findall(rb' beast: [^"]*"GET [^"]*" 20\d (\d+) ', self.log()))

    def bucket_bytes(self, bucket):
        usage = json.loads(self.ask(f"s3_admin $d bucket stats --bucket={bucket}"))["usage"]
        return usage.get("rgw.main", {}).get("size", 0)


def new_bucket(server, bucket):
    """The command that makes an empty bucket of this name, whatever was in it."""
    return (f'. {S3_SH}\n'
            f's3_admin {server.directory} bucket rm --bucket={bucket} --purge-objects --bypass-gc || true\n'
            f's3_bucket {server.directory} {bucket}\n')


def with_bucket(server, contender, repository):
    """The contender with its repository in a bucket by its name."""
    endpoint = server.ask("s3_http $d").strip()
    contender.init = new_bucket(server, contender.name) + contender.init
    contender.env.update({**server.environment(), **{k: v.format(endpoint=endpoint, bucket=contender.name)
                                                     for k, v in repository.items()}})
    return contender


def all_contenders(bench, server, source):
    home = bench.work / FAMILY
    return bench.chosen([
        with_bucket(server, contenders.holdfast(home / "holdfast", source),
                    {"HOLDFAST_REPO": "s3://{bucket}/bench?endpoint={endpoint}&style=path"}),
        with_bucket(server, contenders.restic(home / "restic", f"restic -q backup {source}"),
                    {"RESTIC_REPOSITORY": "s3:{endpoint}/{bucket}/bench"})])


def check_restored(bench, contender, source):
    """A restore that isn't right is no measurement."""
    if contender.name == "holdfast" and (FAMILY, "holdfast") not in bench.failed_tools():
        bench.shell('diff -r --no-dereference "$A" "$B" >&2', A=str(source), B=str(bench.home(FAMILY, contender) / "out/back"))


def one_round(bench, server, chosen, source, number):
    order = bench.rotated(chosen, number)
    for c in order:
        bench.start_round(FAMILY, c)

    def step(c, name):
        bench.step(FAMILY, c, name, server_cpu=server.cpu, requests=server.requests, stored=lambda: server.bucket_bytes(c.name))

    for name in STEPS_BEFORE:
        for c in order:
            step(c, name)
    bench.gen("tree", source, "--touch", "1%", "--new", max(1, bench.args.s3_files // 600), "--seed", 100 + number)
    for name in STEPS_AFTER:
        for c in order:
            step(c, name)
            if name == "restore" and number == 0:
                check_restored(bench, c, source)


def marks(bench):
    for work, step in (("first backup", "first"), ("unchanged", "unchanged"), ("1 % changed", "changed"), ("restore", "restore")):
        bench.compare(FAMILY, work, 0.50, step, "cpu", "restic")
        bench.compare(FAMILY, work, 1.00, step, "wall", "restic")
    bench.mark_memory(FAMILY, MEMORY_MIB)


def measure(bench):
    source, server = bench.work / "data" / "s3", Server(bench.work / "s3-server")
    bench.at_end.append(server.stop)
    source.parent.mkdir(exist_ok=True)
    bench.gen("tree", source, "--files", bench.args.s3_files, "--mib", bench.args.s3_mib, "--seed", bench.args.seed)
    bench.facts[FAMILY] = {"files": bench.args.s3_files, "bytes": tree_bytes(source)}
    chosen = all_contenders(bench, server, source)
    for number in range(bench.args.rounds):
        one_round(bench, server, chosen, source, number)
    marks(bench)
    bench.shell('rm -rf "$D" "$S"', D=str(bench.work / FAMILY), S=str(source))
