"""The family `sqlite`: a live database in WAL mode, in which 1 % of the rows change at random."""
import sqlite3
import statistics

from . import contenders, pages
from .bench import Contender

FAMILY = "sqlite"
PAGE = 4096
STEPS_BEFORE = ["first", "unchanged"]
STEPS_AFTER = ["changed", "restore", "verify"]


def all_contenders(bench, database):
    home = bench.work / FAMILY
    # What a peer needs first: a copy that isn't torn.
    copy = f'rm -f "$HOME_DIR/copy.db"; sqlite3 "{database}" ".backup $HOME_DIR/copy.db" && '
    into = '"$HOME_DIR/repo/archive"'
    pipe = f"{contenders.ZSTD} <{database} | {contenders.SEAL} >{into}"
    unpipe = f"{contenders.OPEN} <{into} | zstd -q -d"
    return bench.chosen([
        contenders.holdfast(home / "holdfast", f"sqlite:{database}"),
        contenders.restic(home / "restic", copy + 'restic -q backup "$HOME_DIR/copy.db"', title=".backup, restic"),
        contenders.borg(home / "borg", copy + f'{contenders.BORG_CREATE} ARCHIVE "$HOME_DIR/copy.db"', title=".backup, borg"),
        Contender(".backup", {"first": f'sqlite3 "{database}" ".backup $HOME_DIR/repo/copy.db"'}),
        # Of a database that nobody writes to: what reading, compressing and encrypting alone cost.
        Contender("zstd+openssl (stopped)", {"first": pipe, "restore": f'{unpipe} >"$OUT/back.db"',
                                             "verify": f"{unpipe} | cat >/dev/null"})])


def count_rows(path):
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
        return {t: db.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in ("customers", "orders", "lines", "events")}


def check_restored(bench, contender, database):
    """A restore that isn't right is no measurement."""
    if contender.name != "holdfast" or (FAMILY, "holdfast") in bench.failed_tools():
        return
    [back] = [p for p in (bench.home(FAMILY, contender) / "out/back").iterdir() if p.name.endswith(".db")]
    if count_rows(back) != count_rows(database):
        raise SystemExit(f"{back}: holds other rows than {database}")


def keep_live(database):
    """A connection with something in the WAL: an application that has the database open, and stays."""
    db = sqlite3.connect(database)
    db.execute("PRAGMA wal_autocheckpoint = 100000")
    db.execute("UPDATE customers SET note = 'live' WHERE id = 1")
    db.commit()
    return db


def note_floor(bench, before, database, live):
    live.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    count, size = pages.floor([(before, database)], PAGE)
    bench.facts[FAMILY].setdefault("changed_pages", []).append(count)
    bench.facts[FAMILY].setdefault("floor", []).append(size)


def one_round(bench, chosen, pristine, database, number):
    bench.shell('rm -f "$B"*; cp "$A" "$B"', A=str(pristine), B=str(database))
    live = keep_live(database)
    order = bench.rotated(chosen, number)
    for c in order:
        bench.start_round(FAMILY, c)
    for step in STEPS_BEFORE:
        for c in order:
            bench.step(FAMILY, c, step)
    bench.gen("sqlite", database, "--update", "1%", "--seed", 100 + number)
    for step in STEPS_AFTER:
        for c in order:
            bench.step(FAMILY, c, step)
            if step == "restore" and number == 0:
                check_restored(bench, c, database)
    note_floor(bench, pristine, database, live)
    live.close()


def mark_floor(bench, page_floor):
    restic = bench.median(FAMILY, "restic", "changed", "stored")
    if page_floor and restic:
        bench.note(f"{FAMILY}: the changed pages as one zstd stream are {page_floor / 1e6:.1f} MB, "
                   f"{page_floor / restic:.2f} × what restic stored.")


def marks(bench):
    bench.compare(FAMILY, "first backup, live", 0.45, "first", "cpu", "restic")
    # A temporary copy would show as bytes written beyond what is stored; 1.2 leaves room for index and cache.
    bench.mark(FAMILY, "first backup, live: bytes written to any disk", "bytes stored: no temporary copy", 1.20,
               bench.median(FAMILY, "holdfast", "first", "written"), bench.median(FAMILY, "holdfast", "first", "stored"))
    bench.compare(FAMILY, "1 % of the rows changed", 0.30, "changed", "stored", "restic")
    bench.compare(FAMILY, "verify --read-data", 0.40, "verify", "cpu", "restic")
    bench.mark_memory(FAMILY)
    mark_floor(bench, statistics.median(bench.facts[FAMILY]["floor"]))


def measure(bench):
    data = bench.work / "data"
    data.mkdir(exist_ok=True)
    pristine, database = data / "pristine.db", data / "shop.db"
    bench.gen("sqlite", pristine, "--mib", bench.args.sqlite_mib, "--seed", bench.args.seed)
    bench.facts[FAMILY] = {"bytes": pristine.stat().st_size}
    chosen = all_contenders(bench, database)
    for number in range(bench.args.rounds):
        one_round(bench, chosen, pristine, database, number)
    marks(bench)
    bench.shell('rm -rf "$D" "$A" "$B"*', D=str(bench.work / FAMILY), A=str(pristine), B=str(database))
