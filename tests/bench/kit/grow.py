"""The family `grow`: 1, 4 and 16 times the data and the files. What a byte and a file cost must not grow with them.

Once is a quarter of the size that the other families have: so much that two packs and every other buffer are full, since
what is too small to fill them says nothing of growth. Sixteen times is four times that size. Files and bytes grow together,
so that the cost of a byte and of a file are one figure. One kind of data is on the disk at a time: some 15 GB.

Writing the data takes most of the time. Where that is too long, --files 30000 --tree-mib 400 --sqlite-mib 300 is a third of it
(ten minutes on two cores that others kept busy, too); but once is then so small that of memory it says little: only the sizes
after it can be compared.
"""
from . import contenders
from .bench import tree_bytes

FAMILY = "grow"
TIMES = [1, 4, 16]
STEPS = ["first", "unchanged", "restore", "verify"]
ROOM = 1.15


def make_data(bench, kind, times):
    args, source = bench.args, bench.work / "data" / f"{kind}-{times}"
    if kind == "tree":
        bench.gen("tree", source, "--files", args.files * times // 4, "--mib", args.tree_mib * times // 4, "--seed", args.seed)
        return source, source
    bench.gen("sqlite", source, "--mib", args.sqlite_mib * times // 4, "--seed", args.seed)
    return source, f"sqlite:{source}"


def contender(bench, kind, times, source):
    name = f"holdfast {kind} {times}x"
    c = contenders.holdfast(bench.work / FAMILY / name.replace(" ", "_"), source)
    c.name = name
    return c


def mark_growth(bench, kind, step, sizes):
    """Each size against the cheapest smaller one: a fixed cost at the start must not hide a growth later."""
    def per_byte(t):
        cpu = bench.median(FAMILY, f"holdfast {kind} {t}x", step, "cpu")
        return cpu / sizes[kind, t] if cpu else None

    def memory(t):
        return bench.median(FAMILY, f"holdfast {kind} {t}x", step, "rss_kib")

    for label, cost in (("CPU per byte", per_byte), ("memory", memory)):
        values = [cost(t) for t in TIMES]
        worst = None
        if all(values):
            worst = max(values[i] / min(values[:i]) for i in range(1, len(values)))
        bench.mark(FAMILY, f"{kind}, {step}: {label}", "that of a fourth or a sixteenth of the data", ROOM, worst, 1)


def measure_kind(bench, kind):
    chosen, sizes = [], {}
    for times in TIMES:
        path, source = make_data(bench, kind, times)
        sizes[kind, times] = tree_bytes(path) if path.is_dir() else path.stat().st_size
        bench.facts[FAMILY][f"{kind} {times}x"] = sizes[kind, times]
        chosen.append((contender(bench, kind, times, source), path))
    for number in range(bench.args.rounds):
        for c, _ in bench.rotated(chosen, number):
            bench.start_round(FAMILY, c)
            for step in STEPS:
                bench.step(FAMILY, c, step)
    for step in STEPS:
        mark_growth(bench, kind, step, sizes)
    for _, path in chosen:
        bench.shell('rm -rf "$P"', P=str(path))
    bench.shell('rm -rf "$D"', D=str(bench.work / FAMILY))


def measure(bench):
    (bench.work / "data").mkdir(exist_ok=True)
    for kind in ("sqlite", "tree"):  # the tree last: see Bench.clear
        measure_kind(bench, kind)
    bench.mark_memory(FAMILY)
