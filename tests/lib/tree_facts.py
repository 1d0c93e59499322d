"""tree_facts.py DIR [without-NAME...]: prints all that a backup of a tree can bring back, a line a file, sorted.

Independent of holdfast: os.lstat, os.listxattr (POSIX ACLs and capabilities are among them), SEEK_HOLE, lsattr's ioctl, and
SHA-256 of the contents. Hard links are told by the first name of each group. Two trees are equal when the outputs are.
without-NAME leaves a fact out (mtime, owner, holes, flags, xattrs), for restores that can't have it.
"""
import array
import fcntl
import hashlib
import os
import stat
import sys

FS_IOC_GETFLAGS = 0x80086601
# What chattr can set and a restore can bring back: sync, immutable, append-only, nodump, noatime, dirsync.
FLAGS = 0x00000008 | 0x00000010 | 0x00000020 | 0x00000040 | 0x00000080 | 0x00010000


def digest(fd):
    h = hashlib.sha256()
    at = 0
    size = os.fstat(fd).st_size
    while at < size:  # read data only: a sparse file may be huge
        try:
            data = os.lseek(fd, at, os.SEEK_DATA)
        except OSError:
            break
        hole = os.lseek(fd, data, os.SEEK_HOLE)
        os.lseek(fd, data, os.SEEK_SET)
        left, place = hole - data, data
        while left:
            piece = os.read(fd, min(left, 1 << 20))
            if not piece:
                break
            if piece.strip(b"\0"):  # zeros on disk and a hole are the same content
                lead = len(piece) - len(piece.lstrip(b"\0"))
                h.update(b"%d:" % (place + lead) + piece.strip(b"\0"))
            left -= len(piece)
            place += len(piece)
        at = hole
    return h.hexdigest()[:32]


def file_facts(path, st, without):
    facts = []
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        if stat.S_ISREG(st.st_mode):
            facts += [f"size={st.st_size}", f"sha={digest(fd)}"]
            if "without-holes" not in without and st.st_size >= 1 << 20:
                facts.append("sparse" if st.st_blocks * 512 < st.st_size * 3 // 4 else "dense")
        if "without-flags" not in without:
            value = array.array("i", [0])
            try:
                fcntl.ioctl(fd, FS_IOC_GETFLAGS, value)
                facts.append(f"flags={value[0] & FLAGS:x}")
            except OSError:
                facts.append("flags=none")
    finally:
        os.close(fd)
    return facts


def entry(path, shown, seen, without):
    st = os.lstat(path)
    facts = [repr(shown), oct(st.st_mode)]
    if "without-owner" not in without:
        facts.append(f"{st.st_uid}:{st.st_gid}")
    if "without-mtime" not in without:
        facts.append(str(st.st_mtime_ns))
    if stat.S_ISLNK(st.st_mode):
        facts.append(f"-> {os.readlink(path)!r}")
    if stat.S_ISCHR(st.st_mode) or stat.S_ISBLK(st.st_mode):
        facts.append(f"dev={os.major(st.st_rdev)}:{os.minor(st.st_rdev)}")
    if not stat.S_ISDIR(st.st_mode) and st.st_nlink > 1:
        facts.append(f"link={seen.setdefault((st.st_dev, st.st_ino), shown)!r}")
    if "without-xattrs" not in without:
        for name in sorted(os.listxattr(path, follow_symlinks=False)):
            facts.append(f"{name}={os.getxattr(path, name, follow_symlinks=False).hex()[:512]}")
    if stat.S_ISREG(st.st_mode) or stat.S_ISDIR(st.st_mode):
        facts += file_facts(path, st, without)
    return " ".join(facts)


def main():
    top, without = os.fsencode(sys.argv[1]), sys.argv[2:]
    seen = {}
    paths = [top]
    for where, dirs, files in os.walk(top):
        dirs.sort()
        paths += [os.path.join(where, n) for n in dirs + files]
    for path in sorted(paths):
        print(entry(path, os.path.relpath(path, top), seen, without))


main()
