"""The family `index`: opening a repository, and an unchanged small backup, as the index grows to ten million chunks.

The index is real, written by the product's own code from the tables of packs that were never stored (hf-gen-index): what is
measured here reads none of them. The small source, its snapshots and their packs are real too. Each step runs its command
TIMES times over, since one takes some hundredths of a second; a step whose name ends in `cold` does so each time with an
empty cache directory (the page cache stays). `fill` is the generator, `settle` the first backups after it, among them those
that merge what it left to be merged: every ninth backup merges something, the larger the rarer.
"""
from . import contenders

FAMILY = "index"
TIMES = 20
ROOM = 1.20
STEPS = ["snapshots", "ls", "unchanged", "snapshots cold", "ls cold", "unchanged cold"]
COMMANDS = {"snapshots": "snapshots", "ls": "ls latest", "unchanged": "backup {source}"}


def label(chunks):
    return f"{chunks // 1000000} M" if chunks % 1000000 == 0 else f"{chunks // 1000} k" if chunks % 1000 == 0 else str(chunks)


def repeated(command, cold):
    wipe = 'rm -rf "$HOLDFAST_CACHE_DIR"; ' if cold else ""
    return f'for i in {{1..{TIMES}}}; do {wipe}"$HOLDFAST" --quiet {command} >/dev/null || exit 1; done'


def contender(bench, chunks, source):
    name = f"holdfast {label(chunks)}"
    home = bench.work / FAMILY / name.replace(" ", "_")
    c = contenders.holdfast(home, source)
    c.name = name
    c.init = contenders.HOLDFAST_INIT.replace('--read "$HOME_DIR/key"', '--read "$HOME_DIR/key" --maintain')
    c.steps = {s: repeated(COMMANDS[s.split()[0]].format(source=source), s.endswith("cold")) for s in STEPS}
    c.steps["fill"] = f'"{bench.tools}/hf-gen-index" "$HOLDFAST_REPO" "$HOLDFAST_KEY_FILE" {chunks} {bench.args.seed}'
    c.steps["settle"] = c.steps["unchanged"]
    return c


def prepare(bench, c, source):
    """A repository with a real backup and the index; replaced segments are pruned, as they would be."""
    bench.start_round(FAMILY, c)
    bench.step(FAMILY, c, "fill")
    bench.step(FAMILY, c, "settle")
    if (FAMILY, c.name) not in bench.failed_tools():
        bench.shell('"$HOLDFAST" --quiet prune --grace 0s', **bench.environment(FAMILY, c))


def mark_flat(bench, step, names):
    """The dearest against the cheapest of all sizes."""
    for title, what in (("CPU", "cpu"), ("wall time", "wall"), ("memory", "rss_kib")):
        values = [bench.median(FAMILY, n, step, what) for n in names]
        whole = all(v is not None for v in values)
        bench.mark(FAMILY, f"{step}: {title}", "the size at which it is least", ROOM,
                   max(values) if whole else None, min(values) if whole else None)


def measure(bench):
    source = bench.work / "data" / "small"
    source.parent.mkdir(exist_ok=True)
    bench.gen("tree", source, "--files", 200, "--mib", 4, "--seed", bench.args.seed)
    sizes = [int(n) for n in bench.args.chunks.split(",")]
    bench.facts[FAMILY] = {"chunks": sizes}
    chosen = [contender(bench, n, source) for n in sizes]
    for c in chosen:
        prepare(bench, c, source)
    for number in range(bench.args.rounds):
        for step in STEPS:
            for c in bench.rotated(chosen, number):
                bench.step(FAMILY, c, step)
    for step in STEPS:
        mark_flat(bench, step, [c.name for c in chosen])
    bench.mark_memory(FAMILY, 160)
    bench.note(f"index: each figure is of {TIMES} runs of the command; the packs of the generated index were never stored, and "
               "nothing that is measured reads them.")
    bench.shell('rm -rf "$D" "$S"', D=str(bench.work / FAMILY), S=str(source))
