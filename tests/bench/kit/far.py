"""The family `far`: a repository in a bucket, and an empty cache directory, as the index grows to ten million chunks.

What is fetched of the index when a machine was lost and another has to list, restore one file or back up. The repositories are
those of the family `index`, made in directories and then put into buckets as they are; the server is that of the family `s3`.
"""
from . import contenders, index, s3

FAMILY = "far"
COMMANDS = {"snapshots": "snapshots", "ls": "ls latest", "one": 'restore latest --include "{one}" --target "$OUT/back"',
            "restore": 'restore latest --target "$OUT/back"', "unchanged": "backup {source}", "next night": "backup {source}"}
WARM = "next night"


def contender(bench, server, chunks, source):
    """As the repository is made, in a directory."""
    name = f"holdfast {index.label(chunks)}"
    c = contenders.holdfast(bench.work / FAMILY / name.replace(" ", "_"), source)
    c.name = name
    c.init = contenders.HOLDFAST_INIT.replace('--read "$HOME_DIR/key"', '--read "$HOME_DIR/key" --maintain')
    c.env.update(server.environment())
    one = min(p.relative_to(source) for p in source.rglob("*") if p.is_file())
    c.steps = {step: ("" if step == WARM else 'rm -rf "$HOLDFAST_CACHE_DIR"; ') +
               '"$HOLDFAST" --quiet ' + command.format(source=source, one=one) + " >/dev/null" for step, command in COMMANDS.items()}
    return c


def prepare(bench, server, c, chunks, source):
    """Makes the repository, and puts it into a bucket of its own."""
    bucket = f"far-{chunks}"
    bench.start_round(FAMILY, c)
    bench.shell(f'"$HOLDFAST" --quiet backup {source}\n'
                f'"{bench.tools}/hf-gen-index" "$HOLDFAST_REPO" "$HOLDFAST_KEY_FILE" {chunks} {bench.args.seed}\n'
                f'for i in {{1..{index.TIMES}}}; do "$HOLDFAST" --quiet backup {source}; done\n'
                '"$HOLDFAST" --quiet prune --grace 0s\n' + s3.new_bucket(server, bucket) +
                'cd "$HOLDFAST_REPO"; find . -type f ! -name ".*" -printf "%P\\n" | while read -r name; do '
                f's3_ask {server.directory} PUT "/{bucket}/bench/$name" -f "$name"; done', **bench.environment(FAMILY, c))
    c.env["HOLDFAST_REPO"] = f"s3://{bucket}/bench?endpoint={server.ask('s3_http $d').strip()}&style=path"


def measure(bench):
    source, server = bench.work / "data" / "small", s3.Server(bench.work / "far-server")
    bench.at_end.append(server.stop)
    source.parent.mkdir(exist_ok=True)
    bench.gen("tree", source, "--files", 200, "--mib", 4, "--seed", bench.args.seed)
    sizes = [int(n) for n in bench.args.chunks.split(",")]
    bench.facts[FAMILY] = {"chunks": sizes}
    chosen = [contender(bench, server, n, source) for n in sizes]
    for c, n in zip(chosen, sizes):
        prepare(bench, server, c, n, source)
    for number in range(bench.args.rounds):
        for step in COMMANDS:
            for c in bench.rotated(chosen, number):
                bench.step(FAMILY, c, step, server_cpu=server.cpu, requests=server.requests, stored=server.bytes_sent)
    bench.mark_memory(FAMILY, s3.MEMORY_MIB)
    bench.note("far: the cache directory is empty, but for the next night's backup; the MB are what the server sent.")
    bench.shell('rm -rf "$D" "$S"', D=str(bench.work / FAMILY), S=str(source))
