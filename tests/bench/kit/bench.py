"""One run of the benchmark: runs commands under the meter, keeps the samples and the marks."""
import json
import os
import signal
import statistics
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path


def say(text):
    print(text, file=sys.stderr, flush=True)


@dataclass
class Sample:
    """What one command cost: seconds, KiB, bytes."""
    wall: float
    cpu: float
    rss_kib: int
    written: int                 # to the disk, by the process tree
    stored: int = 0              # what the repository grew by
    server_cpu: float = 0.0      # of the database's or the store's server, which is no child of ours
    requests: int = 0            # to the store's server


@dataclass
class Contender:
    """A backup tool, or a floor: shell commands, run by bash with `env`. A step that it doesn't have is left out.

    Commands find in $HOME_DIR a directory of their own, emptied before each round; in $OUT an empty directory to restore
    into; their repository is $HOME_DIR/repo.
    """
    name: str
    steps: dict
    init: str = "true"
    env: dict = field(default_factory=dict)
    title: str = ""  # in the tables, where it is more than the tool by that name


@dataclass
class Mark:
    """A ratio that must not be exceeded."""
    family: str
    work: str        # what is compared
    against: str     # with what
    limit: float
    value: float     # measured; None: not measured


def tree_bytes(path):
    """The bytes of the files below a path."""
    total = 0
    for directory, _, files in os.walk(path):
        total += sum(os.lstat(os.path.join(directory, f)).st_size for f in files)
    return total


class Bench:
    def __init__(self, args, holdfast, tools):
        self.args, self.holdfast, self.tools, self.work = args, holdfast, tools, args.work
        self.only = [n for n in args.only.split(",") if n]
        self.samples = defaultdict(list)      # (family, contender, step) -> [Sample]
        self.marks, self.failures, self.notes = [], [], []
        self.facts = defaultdict(dict)        # family -> {what: value}
        self.titles = {}                      # (family, contender) -> title
        self.at_end = []

    # ---- running ----

    def shell(self, command, **env):
        """Runs a command that isn't measured; its failure ends the benchmark."""
        subprocess.run(["bash", "-c", "set -eo pipefail\n" + command], check=True, stdout=sys.stderr, env={**os.environ, **env})

    def gen(self, *words):
        subprocess.run([str(self.tools / "hf-gen"), *map(str, words)], check=True, stdout=sys.stderr)

    def home(self, family, contender):
        return self.work / family / contender.name.replace(" ", "_")

    def environment(self, family, contender):
        home = self.home(family, contender)
        return {**os.environ, "HOME_DIR": str(home), "OUT": str(home / "out"), "HOLDFAST": self.holdfast, **contender.env}

    def metered(self, command, env, log):
        """Runs a command under the meter. None where it failed; then `log` holds what it said."""
        result = self.work / "meter.json"
        with open(log, "wb") as out:
            meter = subprocess.Popen([str(self.tools / "hf-meter"), str(result), "bash", "-c", "set -o pipefail\n" + command],
                                     env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True)
        try:
            if meter.wait() != 0:
                return None
        except KeyboardInterrupt:
            os.killpg(meter.pid, signal.SIGTERM)  # the whole pipeline, which a session of its own holds together
            meter.wait()
            raise
        cost = json.loads(result.read_text())
        return Sample(cost["wall"], cost["user"] + cost["system"], cost["rss_kib"], cost["written"])

    def step(self, family, contender, step, **counters):
        """Runs one step of one contender and keeps the sample. What else counts than what the meter sees is told by
        functions by the names of a sample's fields, of which the growth is kept; `stored` is by default that of the
        contender's directory."""
        if step not in contender.steps or (family, contender.name) in self.failed_tools():
            return
        home = self.home(family, contender)
        counters = {"stored": lambda: tree_bytes(home / "repo"), **counters}
        self.clear(home / "out")
        (home / "out").mkdir()
        before = {what: count() for what, count in counters.items()}
        sample = self.metered(contender.steps[step], self.environment(family, contender), home / "log")
        if sample is None:
            return self.fail(family, contender, step)
        for what, count in counters.items():
            setattr(sample, what, count() - before[what])
        self.samples[family, contender.name, step].append(sample)
        self.titles[family, contender.name] = contender.title or contender.name
        say(f"   {contender.name:24} {step:10} wall {sample.wall:7.2f}  cpu {sample.cpu:7.2f}  "
            f"rss {sample.rss_kib / 1024:6.1f} MiB  stored {sample.stored / 1e6:8.1f} MB"
            + (f"  requests {sample.requests}" if sample.requests else ""))

    def clear(self, directory):
        """Deletes a directory; one of many files is put aside until the end of the family instead.

        ext4 gives no inode out again for a minute or more after it was deleted, and looks at each such one whenever it
        searches for a free one: whoever makes files soon after thousands were deleted pays for it several times over.
        """
        if sum(len(files) for _, _, files in os.walk(directory)) > 1000:
            aside = self.work / "aside"
            aside.mkdir(exist_ok=True)
            directory.rename(aside / str(len(os.listdir(aside))))
        self.shell('rm -rf "$D"', D=str(directory))

    def end_family(self):
        self.shell('rm -rf "$D"', D=str(self.work / "aside"))

    def fail(self, family, contender, step):
        log = (self.home(family, contender) / "log").read_text(errors="replace")[-500:]
        say(f"   {contender.name}: {step} FAILED: {log}")
        self.failures.append((family, contender.name, step, log))

    def failed_tools(self):
        """After a failure a contender's later steps would measure something else."""
        return {(family, name) for family, name, _, _ in self.failures}

    def start_round(self, family, contender):
        """An empty home and a new repository."""
        home = self.home(family, contender)
        self.clear(home)
        self.shell('mkdir -p "$D/out" "$D/repo"', D=str(home))
        with open(home / "log", "wb") as out:
            done = subprocess.run(["bash", "-ec", contender.init], env=self.environment(family, contender),
                                  stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        if done.returncode != 0 and (family, contender.name) not in self.failed_tools():
            self.fail(family, contender, "init")

    def chosen(self, contenders):
        return [c for c in contenders if not self.only or c.name in self.only]

    def rotated(self, contenders, round_number):
        """Another one begins in each round, so that none always runs after the same other."""
        n = round_number % len(contenders) if contenders else 0
        return contenders[n:] + contenders[:n]

    def clean_up(self):
        for undo in reversed(self.at_end):
            undo()

    # ---- asking ----

    def median(self, family, contender, step, what):
        samples = self.samples.get((family, contender, step))
        return statistics.median(getattr(s, what) for s in samples) if samples else None

    def peak_kib(self, family, contender):
        """The most that any step of a contender took; contenders of one tool in several sizes count as one."""
        peaks = [s.rss_kib for (f, c, _), kept in self.samples.items() if f == family and (c + " ").startswith(contender + " ")
                 for s in kept]
        return max(peaks) if peaks else None

    def mark(self, family, work, against, limit, ours, theirs):
        """Keeps a mark on the ratio of two figures; where one of them is missing, it counts as not measured."""
        value = ours / theirs if ours is not None and theirs else None
        self.marks.append(Mark(family, work, against, limit, value))

    def compare(self, family, work, limit, step, what, other):
        """The mark that one step of holdfast costs at most `limit` times what the same step of another does."""
        labels = {"cpu": "CPU", "wall": "wall time", "stored": "bytes stored"}
        self.mark(family, work, f"{self.titles.get((family, other), other)}: {labels[what]}", limit,
                  self.median(family, "holdfast", step, what), self.median(family, other, step, what))

    def mark_memory(self, family, mib=128):
        """No step of holdfast may need more."""
        self.mark(family, "peak memory", f"{mib} MiB", 1.0, self.peak_kib(family, "holdfast"), mib * 1024)

    def note(self, text):
        self.notes.append(text)
        say("   note: " + text)
