"""The family `postgres`: a cluster filled by pgbench, in which 1 % of the accounts change at random.

The server's own work for a backup is no child of ours; it is taken from the postmaster's times and shown apart.
"""
import os
import statistics
import subprocess
import time
from pathlib import Path

from . import contenders, pages
from .bench import Contender, tree_bytes

FAMILY = "postgres"
PAGE = 8192
PG_SH = Path(__file__).resolve().parents[2] / "lib" / "pg.sh"
STEPS_BEFORE = ["first", "unchanged"]
STEPS_AFTER = ["changed", "restore", "verify"]


class Cluster:
    """pg.sh's cluster, with a copy of its first state to go back to for each round."""

    def __init__(self, bench, directory):
        self.bench, self.directory, self.pristine = bench, directory, directory / "pristine"

    def call(self, function, *words):
        self.bench.shell(f'. {PG_SH}; {function} "$D" ' + " ".join(map(str, words)), D=str(self.directory))

    def make(self, scale, age):
        self.call("pg_new")
        self.bench.at_end.append(lambda: self.call("pg_drop"))
        self.call("pg_load", scale)
        self.call("pg_age", age)
        self.call("pg_stop")
        self.bench.shell('cp -a "$D/data" "$D/pristine"', D=str(self.directory))

    def reset(self):
        self.bench.shell('rm -rf "$D/data"; cp -a "$D/pristine" "$D/data"', D=str(self.directory))
        self.call("pg_start")

    def bin(self):
        return subprocess.run(["bash", "-c", f". {PG_SH}; pg_bin"], check=True, capture_output=True, text=True).stdout.strip()

    def url(self):
        return subprocess.run(["bash", "-c", f". {PG_SH}; pg_url '{self.directory}'"], check=True, capture_output=True,
                              text=True).stdout.strip()

    def server_cpu(self):
        """User and system seconds of the postmaster and of all its children that have ended."""
        time.sleep(0.3)  # the backend that served us is still ending
        pid = (self.directory / "data/postmaster.pid").read_text().split()[0]
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        return sum(int(f) for f in fields[11:15]) / os.sysconf("SC_CLK_TCK")

    def files(self):
        """Relative paths of what a base backup holds, without the WAL."""
        for directory, _, names in os.walk(self.directory / "data"):
            for name in names:
                path = os.path.relpath(os.path.join(directory, name), self.directory / "data")
                if not path.startswith("pg_wal/") and name != "postmaster.pid":
                    yield path


def all_contenders(bench, cluster):
    home = bench.work / FAMILY
    url, stream = cluster.url(), f"{cluster.bin()}/pg_basebackup -d '{cluster.url()}' -D - -F tar -X fetch -c fast"
    into = '"$HOME_DIR/repo/archive"'
    unpipe = f"{contenders.OPEN} <{into} | zstd -q -d"
    untar = 'tar -C "$OUT" -x'
    return bench.chosen([
        contenders.holdfast(home / "holdfast", f"'{url}'"),
        contenders.restic(home / "restic", f"{stream} | restic -q backup --stdin --stdin-filename base.tar",
                          restore=f"restic -q dump latest base.tar | {untar}", title="pg_basebackup+restic"),
        contenders.borg(home / "borg", f"{stream} | {contenders.BORG_CREATE} ARCHIVE -",
                        restore=f"borg extract --stdout ::changed | {untar}", title="pg_basebackup+borg"),
        Contender("pg_basebackup+zstd+openssl", {
            "first": f"{stream} | {contenders.ZSTD} | {contenders.SEAL} >{into}",
            "restore": f"{unpipe} | {untar}", "verify": f"{unpipe} | cat >/dev/null"})])


def check_restored(bench, contender, cluster):
    """A restore that isn't right is no measurement: PostgreSQL's own verdict."""
    if contender.name == "holdfast" and (FAMILY, "holdfast") not in bench.failed_tools():
        bench.shell('"$BIN/pg_verifybackup" -q "$B"', BIN=cluster.bin(), B=str(bench.home(FAMILY, contender) / "out/back"))


def note_floor(bench, cluster):
    pairs = [(cluster.pristine / f, cluster.directory / "data" / f) for f in sorted(cluster.files())]
    count, size = pages.floor(pairs, PAGE)
    bench.facts[FAMILY].setdefault("changed_pages", []).append(count)
    bench.facts[FAMILY].setdefault("floor", []).append(size)


def one_round(bench, chosen, cluster, number):
    cluster.reset()
    order = bench.rotated(chosen, number)
    for c in order:
        bench.start_round(FAMILY, c)
    for step in STEPS_BEFORE:
        for c in order:
            bench.step(FAMILY, c, step, server_cpu=cluster.server_cpu)
    cluster.call("pg_change", 0.01, f"0.5{number}")
    note_floor(bench, cluster)
    for step in STEPS_AFTER:
        for c in order:
            bench.step(FAMILY, c, step, server_cpu=cluster.server_cpu)
            if step == "restore" and number == 0:
                check_restored(bench, c, cluster)
    cluster.call("pg_stop")


def marks(bench):
    bench.compare(FAMILY, "first backup, streamed", 1.25, "first", "cpu", "pg_basebackup+zstd+openssl")
    bench.compare(FAMILY, "1 % of the accounts changed", 0.55, "changed", "stored", "restic")
    bench.compare(FAMILY, "verify --read-data", 0.40, "verify", "cpu", "restic")
    bench.mark_memory(FAMILY)
    restic, floor = bench.median(FAMILY, "restic", "changed", "stored"), statistics.median(bench.facts[FAMILY]["floor"])
    if restic:
        bench.note(f"postgres: the changed pages as one zstd stream are {floor / 1e6:.1f} MB, {floor / restic:.2f} × what "
                   f"restic stored; before, the cluster had lived through {bench.args.age} rounds of such changes.")


def measure(bench):
    cluster = Cluster(bench, bench.work / "data" / "pg")
    cluster.directory.parent.mkdir(exist_ok=True)
    cluster.make(bench.args.scale, bench.args.age)
    bench.facts[FAMILY] = {"bytes": tree_bytes(cluster.pristine) - tree_bytes(cluster.pristine / "pg_wal")}
    cluster.call("pg_start")
    chosen = all_contenders(bench, cluster)
    cluster.call("pg_stop")
    for number in range(bench.args.rounds):
        one_round(bench, chosen, cluster, number)
    marks(bench)
    bench.shell('rm -rf "$D"', D=str(bench.work / FAMILY))
