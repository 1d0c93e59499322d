"""The family `cold`: the first backup of the tree with an empty page cache, where reading, not computing, is the limit.

Eight readers at once tell what the disk gives; tar and zstd on the warm tree tell what the compression needs.
"""
from . import contenders
from .bench import Contender, tree_bytes

FAMILY = "cold"
READERS = 8


def drop_cache():
    with open("/proc/sys/vm/drop_caches", "w") as f:
        f.write("3\n")


def all_contenders(bench, source):
    home = bench.work / FAMILY
    return [
        contenders.holdfast(home / "holdfast", source),
        Contender(f"{READERS} cat", {"first": f"find {source} -type f -print0 | xargs -0 -n 64 -P {READERS} cat >/dev/null"}),
        contenders.restic(home / "restic", f"restic -q backup {source}"),
        Contender("compression bound", {"warm": f"tar -C {source} -c . | {contenders.ZSTD} >/dev/null"})]


def measure(bench):
    source = bench.work / "data" / "cold"
    source.parent.mkdir(exist_ok=True)
    bench.gen("tree", source, "--files", bench.args.files, "--mib", bench.args.tree_mib, "--seed", bench.args.seed)
    bench.facts[FAMILY] = {"files": bench.args.files, "bytes": tree_bytes(source)}
    chosen = all_contenders(bench, source)
    for number in range(bench.args.rounds):
        for c in bench.rotated(chosen, number):
            bench.start_round(FAMILY, c)
            if "warm" in c.steps:
                bench.shell('tar -C "$S" -c . | cat >/dev/null', S=str(source))
                bench.step(FAMILY, c, "warm")
                continue
            bench.shell("sync")
            drop_cache()
            bench.step(FAMILY, c, "first")
    cat, bound = bench.median(FAMILY, f"{READERS} cat", "first", "wall"), bench.median(FAMILY, "compression bound", "warm", "wall")
    bench.mark(FAMILY, "first backup, cold cache", f"wall time of {READERS} cat readers, × 1.25, plus the compression bound", 1.0,
               bench.median(FAMILY, "holdfast", "first", "wall"), 1.25 * cat + bound if cat and bound else None)
    bench.mark_memory(FAMILY)
    bench.shell('rm -rf "$D" "$S"', D=str(bench.work / FAMILY), S=str(source))
