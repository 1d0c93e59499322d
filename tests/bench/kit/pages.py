"""The floor under what a change of a database can cost: its changed pages, compressed as one zstd stream."""
import os
import subprocess


def changed_pages(before, after, page):
    """The pages of file `after` that file `before` doesn't hold at the same place; `before` may be missing."""
    old = open(before, "rb") if os.path.exists(before) else None
    with open(after, "rb") as new:
        while block := new.read(page):
            if old is None or old.read(page) != block:
                yield block
    if old:
        old.close()


def floor(pairs, page):
    """(changed pages, bytes of all of them as one zstd -3 stream), over (before, after) pairs of files."""
    count = 0
    zstd = subprocess.Popen(["sh", "-c", "zstd -q -3 | wc -c"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    for before, after in pairs:
        for block in changed_pages(before, after, page):
            zstd.stdin.write(block)
            count += 1
    return count, int(zstd.communicate()[0])
