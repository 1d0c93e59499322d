"""The family `prune`: a hundred snapshots with a million chunks, of which half are forgotten.

All of it is real: each tool backs up the same growing and changing tree a hundred times. A round of that replaces most of the
files; one in twenty stays from then on, so that the packs of a forgotten snapshot are mostly, but not wholly, of no use: giving
their space back takes repacking. Then every second snapshot is forgotten and pruned, down to 5 % that may stay unused (restic's
default); holdfast condemns, looks again and deletes in the same command, since the grace is 0. Each round of the benchmark
prunes a fresh copy of what was built once. The tree lies in memory where there is a /dev/shm: making and removing a million files
on a disk takes longer than all that is measured.
"""
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from . import contenders
from .bench import tree_bytes

FAMILY = "prune"
KEEP = 20  # one project directory in so many stays

HOLDFAST_IDS = r'''"$HOLDFAST" snapshots --json | grep -o '"id": *"[0-9a-f]*"' | grep -o '[0-9a-f]\{32\}' | sed -n 'n;p' '''
RESTIC_IDS = r'''restic -q snapshots --json | grep -o '"short_id": *"[0-9a-f]*"' | grep -o '[0-9a-f]\{8,\}' | sed -n 'n;p' '''


def all_contenders(bench, source):
    home = bench.work / FAMILY
    ours = contenders.holdfast(home / "holdfast", source)
    ours.init = contenders.HOLDFAST_INIT.replace('--read "$HOME_DIR/key"', '--read "$HOME_DIR/key" --maintain')
    ours.steps = {"build": ours.steps["first"], "verify": '"$HOLDFAST" --quiet verify',
                  "prune": f'"$HOLDFAST" --quiet forget $({HOLDFAST_IDS}) && '
                           '"$HOLDFAST" --quiet prune --grace 0s --max-unused 5%'}
    theirs = contenders.restic(home / "restic", f"restic -q backup {source}")
    theirs.steps = {"build": theirs.steps["first"], "verify": "restic -q check",
                    "prune": f"restic -q forget $({RESTIC_IDS}) && restic -q prune --max-unused 5%"}
    return bench.chosen([ours, theirs])


def change(bench, source, number):
    """The next state of the tree: new files, and what stays of those of before."""
    bench.shell('''
        i=0
        mkdir -p "$S/kept"
        for d in "$S"/now/*; do
            if [ -d "$d" ] && [ $((i++ % KEEP)) = 0 ]; then mv "$d" "$S/kept/$N-$i"; fi
        done
        rm -rf "$S/now"''', S=str(source), N=str(number), KEEP=str(KEEP))
    bench.gen("tree", source / "now", "--files", bench.args.files_each, "--mib", max(1, bench.args.files_each * 6 // 10000),
              "--seed", bench.args.seed * 1000 + number)


def build(bench, chosen, source):
    """The repositories; what it costs is kept as one sample of the sum, with the greatest memory."""
    for c in chosen:
        bench.start_round(FAMILY, c)
    for number in range(bench.args.snapshots):
        change(bench, source, number)
        for c in chosen:
            bench.step(FAMILY, c, "build")
    for c in chosen:
        samples = bench.samples.get((FAMILY, c.name, "build"))
        if samples:
            samples[0].wall, samples[0].cpu, samples[0].written, samples[0].stored = (
                sum(getattr(s, what) for s in samples) for what in ("wall", "cpu", "written", "stored"))
            samples[0].rss_kib = max(s.rss_kib for s in samples)
            del samples[1:]
        bench.shell('mv "$D" "$D.built"', D=str(bench.home(FAMILY, c)))


def one_round(bench, chosen, number):
    for c in bench.rotated(chosen, number):
        bench.shell('rm -rf "$D"; cp -a "$D.built" "$D"', D=str(bench.home(FAMILY, c)))
        bench.step(FAMILY, c, "prune")
        bench.step(FAMILY, c, "verify")
        after = tree_bytes(bench.home(FAMILY, c) / "repo")
        bench.facts[FAMILY][f"bytes after, {c.name}"] = after


def chunks_of(bench):
    """As restic counts them: what is in its index."""
    home = bench.work / FAMILY / "restic.built"
    env = {"RESTIC_REPOSITORY": str(home / "repo"), "RESTIC_PASSWORD": "correct-horse", "PATH": "/usr/bin:/bin",
           "RESTIC_CACHE_DIR": str(home / "cache")}
    said = subprocess.run(["bash", "-c", "restic -q list blobs | wc -l"], env=env, capture_output=True, text=True).stdout
    return int(said or 0)


def make_source(bench):
    """An empty directory, removed at the end whatever happens."""
    (bench.work / "data").mkdir(exist_ok=True)
    parent = "/dev/shm" if os.access("/dev/shm", os.W_OK) else bench.work / "data"
    source = Path(tempfile.mkdtemp(prefix="holdfast-bench-", dir=parent))
    bench.at_end.append(lambda: shutil.rmtree(source, ignore_errors=True))
    return source


def measure(bench):
    source = make_source(bench)
    chosen = all_contenders(bench, source)
    build(bench, chosen, source)
    bench.facts[FAMILY] = {"snapshots": bench.args.snapshots}
    if any(c.name == "restic" for c in chosen):
        bench.facts[FAMILY]["chunks"] = chunks_of(bench)
        bench.note(f"prune: {bench.facts[FAMILY]['chunks']} chunks in {bench.args.snapshots} snapshots, by restic's count.")
    for number in range(bench.args.rounds):
        one_round(bench, chosen, number)
    bench.compare(FAMILY, "forget half, prune", 1.00, "prune", "cpu", "restic")
    bench.compare(FAMILY, "forget half, prune", 1.00, "prune", "wall", "restic")
    ours, theirs = (bench.facts[FAMILY].get(f"bytes after, {n}") for n in ("holdfast", "restic"))
    bench.mark(FAMILY, "size after the prune", "restic", 1.0, ours, theirs)
    bench.mark_memory(FAMILY, 160)
    bench.shell('rm -rf "$D"', D=str(bench.work / FAMILY))
