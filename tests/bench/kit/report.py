"""The report: what was run on which machine, the figures of each family, and how they stand against the marks."""
import datetime
import json
import os
import platform
import re
import subprocess
from dataclasses import asdict

STEP_TITLES = {"first": "first", "unchanged": "unchanged", "changed": "1 % changed", "restore": "restore",
               "one": "one file", "verify": "read-check", "warm": "warm", "fill": "fill", "settle": "settle",
               "snapshots": "snapshots", "ls": "ls", "snapshots cold": "snapshots, cold", "ls cold": "ls, cold",
               "unchanged cold": "unchanged, cold", "build": "backups", "prune": "forget half, prune",
               "next night": "next night"}
VERSIONS = {"restic": "restic version", "borg": "borg --version", "zstd": "zstd --version", "sqlite": "sqlite3 --version",
            "openssl": "openssl version", "postgresql": "ls /usr/lib/postgresql | tail -n 1"}


def versions():
    found = {}
    for name, command in VERSIONS.items():
        said = subprocess.run(["sh", "-c", command], capture_output=True, text=True).stdout
        number = re.search(r"\d+(\.\d+)+|\d+$", said.strip())
        found[name] = number.group(0) if number else "absent"
    return found


def at_least(version, *wanted):
    return version != "absent" and tuple(int(n) for n in version.split(".")) >= wanted


def machine():
    model = re.search(r"model name\s*:\s*(.*)", open("/proc/cpuinfo").read())
    memory = re.search(r"MemTotal:\s*(\d+)", open("/proc/meminfo").read())
    return {"cpu": model.group(1) if model else platform.machine(), "cpus": os.cpu_count(),
            "memory_gib": round(int(memory.group(1)) / 2**20), "kernel": platform.release(),
            "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d"),
            "load": os.getloadavg()[0]}


def row(cells):
    return "| " + " | ".join(cells) + " |\n"


def cell(bench, family, contender, step):
    """wall / CPU seconds (+ the server's), what was stored, and how many requests that took."""
    wall = bench.median(family, contender, step, "wall")
    if wall is None:
        return ""
    text = f"{wall:.2f} / {bench.median(family, contender, step, 'cpu'):.2f}"
    server = bench.median(family, contender, step, "server_cpu")
    if server >= 0.05:
        text += f"+{server:.1f}"
    stored, requests = (bench.median(family, contender, step, what) for what in ("stored", "requests"))
    return text + (f", {stored / 1e6:.1f} MB" if stored > 0 else "") + (f", {requests:.0f} req." if requests else "")


def family_table(bench, family):
    names = list(dict.fromkeys(c for f, c, _ in bench.samples if f == family))
    steps = [s for s in STEP_TITLES if any((family, n, s) in bench.samples for n in names)]
    size = bench.facts[family].get("bytes")
    title = family + (f", {size / 1e6:.0f} MB" if size else "")
    if "files" in bench.facts[family]:
        title += f", {bench.facts[family]['files']} files"
    out = row([title] + [STEP_TITLES[s] for s in steps] + ["RSS MiB"]) + "|---|" + "--:|" * (len(steps) + 1) + "\n"
    for name in names:
        peak = bench.peak_kib(family, name)
        out += row([bench.titles[family, name]] + [cell(bench, family, name, s) for s in steps] + [f"{peak / 1024:.0f}"])
    return out


def ratio(bench, family, other, step, what):
    ours, theirs = (bench.median(family, c, step, what) for c in ("holdfast", other))
    return f"{ours / theirs:.2f}" if ours and theirs else "–"


def ratios_table(bench, family):
    """holdfast's figures divided by each other contender's."""
    names = list(dict.fromkeys(c for f, c, _ in bench.samples if f == family and c != "holdfast"))
    steps = [s for s in STEP_TITLES if (family, "holdfast", s) in bench.samples]
    if not steps or not names:
        return ""
    ours = bench.peak_kib(family, "holdfast")
    out = row(["holdfast ÷"] + [STEP_TITLES[s] for s in steps] + ["RSS"]) + "|---|" + "--:|" * (len(steps) + 1) + "\n"
    for name in names:
        cells = [" / ".join(ratio(bench, family, name, s, what) for what in ("wall", "cpu", "stored")) for s in steps]
        out += row([bench.titles[family, name]] + cells + [f"{ours / bench.peak_kib(family, name):.2f}"])
    return out


def verdict(mark):
    if mark.value is None:
        return "not measured"
    if mark.value <= mark.limit:
        return "met"
    return f"missed by {100 * (mark.value / mark.limit - 1):.0f} %"


def marks_table(bench):
    out = row(["family", "work", "against", "mark", "measured", ""]) + "|---|---|---|--:|--:|---|\n"
    for m in bench.marks:
        value = "" if m.value is None else f"{m.value:.2f} ×"
        out += row([m.family, m.work, m.against, f"{m.limit:.2f} ×", value, verdict(m)])
    return out


def heading(bench):
    m, v = machine(), bench.facts["versions"]
    return (f"{m['cpu']}, {m['cpus']} cores, {m['memory_gib']} GiB, Linux {m['kernel']}, {m['date']}. "
            f"restic {v['restic']}, borg {v['borg']}, PostgreSQL {v['postgresql']}, SQLite {v['sqlite']}, zstd {v['zstd']}. "
            f"Medians of {bench.args.rounds} rounds; cells are wall / CPU seconds (user + system; after + the server's), "
            f"what the repository grew by, and requests to a server; ratios are of wall / CPU / bytes stored.\n")


def write(bench, chosen, out):
    out.write(heading(bench) + "\n")
    for family in chosen:
        out.write(family_table(bench, family) + "\n")
        ratios = ratios_table(bench, family)
        if ratios:
            out.write(ratios + "\n")
    out.write(marks_table(bench))
    for note in bench.notes:
        out.write(f"\n{note}\n")
    for family, name, step, _ in bench.failures:
        out.write(f"\n**{family}: {name} failed at {step}; its later steps were left out.**\n")


def write_json(bench, path):
    samples = [{"family": f, "contender": c, "step": s, "samples": [asdict(x) for x in kept]}
               for (f, c, s), kept in bench.samples.items()]
    everything = {"machine": machine(), "facts": bench.facts, "samples": samples, "notes": bench.notes,
                  "marks": [{**asdict(m), "verdict": verdict(m)} for m in bench.marks],
                  "failures": [dict(zip(("family", "contender", "step", "log"), f)) for f in bench.failures],
                  "parameters": {k: str(v) for k, v in vars(bench.args).items()}}
    path.write_text(json.dumps(everything, indent=1) + "\n")
