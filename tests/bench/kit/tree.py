"""The family `tree`: many small files, as on a developer's machine or a small server."""
import os

from . import contenders, report
from .bench import Contender, tree_bytes

FAMILY = "tree"
STEPS_BEFORE = ["first", "unchanged"]
STEPS_AFTER = ["changed", "restore", "one", "verify"]


def floors(source):
    tar = f'tar -C "{source}" -c .'
    into = '"$HOME_DIR/repo/archive"'
    pipe = f"{tar} | {contenders.ZSTD} | {contenders.SEAL} >{into}"
    unpipe = f"{contenders.OPEN} <{into} | zstd -q -d"
    yield Contender("tar+zstd+openssl", {
        "first": pipe, "restore": f'{unpipe} | tar -C "$OUT" -x', "verify": f"{unpipe} | cat >/dev/null"})
    yield Contender("cp -a", {"first": f'cp -a "{source}" "$HOME_DIR/repo/"',
                              "restore": 'cp -a "$HOME_DIR/repo/." "$OUT/"'})


def all_contenders(bench, source, one):
    home = bench.work / FAMILY
    return bench.chosen([
        contenders.holdfast(home / "holdfast", source, one),
        contenders.restic(home / "restic", f"restic -q backup {source}", one=f"{source}/{one}"),
        contenders.borg(home / "borg", f"{contenders.BORG_CREATE} ARCHIVE {source}", one=f"{source}/{one}".lstrip("/")),
        *floors(source)])


def a_file(source):
    """A file of middling size in the middle of the tree, to restore alone; the same in every run."""
    found = []
    for directory, _, files in os.walk(source):
        for name in files:
            path = os.path.join(directory, name)
            if 10000 < os.lstat(path).st_size < 20000:
                found.append(os.path.relpath(path, source))
    found.sort()
    return found[len(found) // 2]


def check_restored(bench, contender, source):
    """A restore that isn't right is no measurement."""
    if contender.name == "holdfast" and (FAMILY, "holdfast") not in bench.failed_tools():
        bench.shell('diff -r --no-dereference "$A" "$B" >&2', A=str(source), B=str(bench.home(FAMILY, contender) / "out/back"))


def one_round(bench, chosen, source, number):
    order = bench.rotated(chosen, number)
    for c in order:
        bench.start_round(FAMILY, c)
    for step in STEPS_BEFORE:
        for c in order:
            bench.step(FAMILY, c, step)
    bench.gen("tree", source, "--touch", "1%", "--new", max(1, bench.args.files // 600), "--seed", 100 + number)
    for step in STEPS_AFTER:
        for c in order:
            bench.step(FAMILY, c, step)
            if step == "restore" and number == 0:
                check_restored(bench, c, source)


def marks(bench):
    pipe = "tar+zstd+openssl"
    bench.compare(FAMILY, "first backup", 0.40, "first", "cpu", "restic")
    bench.compare(FAMILY, "first backup", 1.10, "first", "cpu", pipe)
    bench.compare(FAMILY, "first backup", 1.00, "first", "wall", "restic")
    bench.compare(FAMILY, "first backup", 1.00, "first", "wall", pipe)
    bench.compare(FAMILY, "first backup", 0.85, "first", "stored", "restic")
    bench.compare(FAMILY, "unchanged", 0.15, "unchanged", "cpu", "restic")
    if report.at_least(bench.facts["versions"]["restic"], 0, 18):
        bench.compare(FAMILY, "restore", 0.50, "restore", "cpu", "restic")
    else:  # an older restic restores quicker than those the mark was made for; then `cp -a` sets it
        bench.compare(FAMILY, "restore", 1.10, "restore", "cpu", "cp -a")
    bench.compare(FAMILY, "restore", 1.25, "restore", "wall", "cp -a")
    bench.compare(FAMILY, "verify --read-data", 0.40, "verify", "cpu", "restic")
    bench.mark_memory(FAMILY)


def measure(bench):
    source = bench.work / "data" / "tree"
    source.parent.mkdir(exist_ok=True)
    bench.gen("tree", source, "--files", bench.args.files, "--mib", bench.args.tree_mib, "--seed", bench.args.seed)
    bench.facts[FAMILY] = {"files": bench.args.files, "bytes": tree_bytes(source)}
    chosen = all_contenders(bench, source, a_file(source))
    for number in range(bench.args.rounds):
        one_round(bench, chosen, source, number)
    marks(bench)
    bench.shell('rm -rf "$D" "$S"', D=str(bench.work / FAMILY), S=str(source))
