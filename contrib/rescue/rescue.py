#!/usr/bin/python3
"""rescue.py: lists, verifies and restores a Holdfast repository without Holdfast.

    rescue.py REPO (--key-file F | --passphrase-file F) list
    rescue.py REPO (--key-file F | --passphrase-file F) restore SNAPSHOT|latest --target DIR [--source NAME]
    rescue.py REPO (--key-file F | --passphrase-file F) verify

REPO is a local directory; copy a bucket to one first, with the same names. Needs Python 3.9, python3-cryptography and
python3-zstandard. It writes to --target only, which must be empty or absent.

It was written from FORMAT.md alone ("section 6" below is one of that page) and shares nothing with the program. It doesn't
need the index: the chunks are found by the tables of the packs. Nothing is believed before its signature is checked against
the owner's public key, which is pinned in a key file and lies in the slot that a passphrase opens. What is damaged is named
on stderr and left out, the rest is restored, and the exit status is then 1.
"""
import argparse
import collections
import hashlib
import hmac
import json
import os
import re
import stat
import struct
import sys

import zstandard
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

MIB = 1 << 20
KINDS = {"config": 1, "slot": 2, "cert": 3, "pack": 4, "index": 5, "snapshot": 6, "entry": 7, "void": 8,
         "condemned": 9, "run": 10, "rescue": 11}
CLASS_DATA, CLASS_LIST = 1, 2
DATA, NODE, CONTENT, ABOUT, PACK_LIST = 1, 2, 3, 4, 5  # the kinds of chunks
FILE, DIRECTORY, SYMLINK, HARD_LINK, FIFO, CHARACTER, BLOCK, SOCKET = range(1, 9)
OWNER_ONLY = "owner"
RIGHTS = {"config": OWNER_ONLY, "cert": OWNER_ONLY, "slot": OWNER_ONLY, "rescue": OWNER_ONLY, "pack": "backup",
          "index": "backup", "snapshot": "backup", "run": "backup", "void": "maintain", "condemned": "maintain"}
ENTRY_RIGHTS = {"commit": "backup", "forget": "maintain", "unforget": "maintain", "checkpoint": "maintain",
                "evidence": None, "revoke": OWNER_ONLY}


class Damaged(Exception):
    """Something is not as FORMAT.md says; the text names the object."""


def need(condition, what):
    if not condition:
        raise Damaged(what)


# Bytes and numbers (section 1)

class Cursor:
    """Reads a byte string from its start; never beyond its end."""

    def __init__(self, data, what):
        self.data, self.at, self.what = data, 0, what

    def more(self):
        return self.at < len(self.data)

    def take(self, n):
        need(n <= len(self.data) - self.at, f"{self.what}: ends too early")
        self.at += n
        return self.data[self.at - n:self.at]

    def number(self, size):
        return int.from_bytes(self.take(size), "little")

    def varint(self):
        value = shift = 0
        while True:
            byte = self.number(1)
            value |= (byte & 0x7f) << shift
            shift += 7
            if byte < 0x80:
                break
            need(shift < 64, f"{self.what}: a number of more than 64 bits")
        need(value < 1 << 64 and (byte or shift == 7), f"{self.what}: a number with a false encoding")
        return value

    def zigzag(self):
        value = self.varint()
        return (value >> 1) ^ -(value & 1)

    def blob(self, limit):
        n = self.varint()
        need(n <= limit, f"{self.what}: a string of {n} bytes")
        return self.take(n)

    def end(self):
        need(not self.more(), f"{self.what}: bytes behind the end")


def parse_json(data, what):
    def no_duplicates(pairs):
        need(len(dict(pairs)) == len(pairs), f"{what}: JSON with a duplicate key")
        return dict(pairs)
    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=no_duplicates)
    except (ValueError, RecursionError) as e:
        raise Damaged(f"{what}: not JSON: {e}") from e
    need(isinstance(value, dict), f"{what}: not a JSON object")
    return value


def member(obj, name, kind, what):
    value = obj.get(name)
    need(isinstance(value, kind) and (kind is bool or not isinstance(value, bool)), f"{what}: {name} is missing or false")
    return value


def hex_member(obj, name, size, what):
    text = member(obj, name, str, what)
    need(re.fullmatch("[0-9a-f]{%d}" % (2 * size), text), f"{what}: {name} is not {size} bytes of hexadecimal")
    return bytes.fromhex(text)


def object_name(kind, writer, oid):
    return f"{kind}/{writer.hex()}/{oid.hex()}"


# Cryptography (section 1)

def gcm_open(key, number, aad, sealed, what):
    try:
        return AESGCM(key).decrypt(bytes(4) + struct.pack("<Q", number), sealed, aad)
    except (InvalidTag, ValueError) as e:
        raise Damaged(f"{what}: does not decrypt (damaged, or another key)") from e


def hkdf(secret, salt, info, size=32):
    return HKDF(hashes.SHA256(), size, salt, info).derive(secret)


def box_open(secret, public, context, box, what):
    need(len(box) >= 48, f"{what}: the box is too short")
    try:
        shared = X25519PrivateKey.from_private_bytes(secret).exchange(X25519PublicKey.from_public_bytes(box[:32]))
    except ValueError as e:
        raise Damaged(f"{what}: senseless ephemeral key") from e
    key = hkdf(shared, box[:32] + public, b"holdfast box v1")
    return gcm_open(key, 0, context, box[32:], what)


def check_signature(public, message, signature, what):
    try:
        signed = b"holdfast signature v1\0" + hashlib.sha256(message).digest()
        Ed25519PublicKey.from_public_bytes(public).verify(signature, signed)
    except (InvalidSignature, ValueError) as e:
        raise Damaged(f"{what}: the signature is false") from e


# Envelopes (section 3)

class Envelope:
    """An object of any kind but pack and index. Not verified before Repository.verify_envelope."""

    def __init__(self, kind, writer, oid, data, repository):
        self.kind, self.writer, self.oid, self.name = kind, writer, oid, object_name(kind, writer, oid)
        need(len(data) >= 72 + 64, f"{self.name}: too short")
        magic, version, number, self.form, zero, clear, repo, by, own, body = struct.unpack("<8s4BI16s16s16sQ", data[:72])
        need(magic == b"HOLDFAST" and version == 1 and zero == 0, f"{self.name}: not an object of format version 1")
        need((number, by, own) == (KINDS[kind], writer, oid), f"{self.name}: lies under a false name")
        need(repository in (None, repo), f"{self.name}: belongs to another repository")
        need(clear <= 16 * MIB and body <= 64 * MIB and len(data) == 72 + clear + body + 64, f"{self.name}: false length")
        self.repository = repo
        self.first = data[:72 + clear]
        self.body = data[72 + clear:-64]
        self.signed, self.signature = data[:-64], data[-64:]
        self.hash = hashlib.sha256(data).digest()
        self.clear = parse_json(data[72:72 + clear], self.name)


Certificate = collections.namedtuple("Certificate", "public rights kind domain envelope")
Domain = collections.namedtuple("Domain", "id_key index_key")
Frame = collections.namedtuple("Frame", "number offset stored plain kind chunks")  # chunks: (id, offset, length)
Place = collections.namedtuple("Place", "pack frame offset length")
Entry = collections.namedtuple("Entry", "path type flags mode uid gid mtime_ns link xattrs device ranges size content")
Segment = collections.namedtuple("Segment", "name writer entries frames packs filter replaces")


class Repository:
    """The directory, the keys and what was found wrong so far."""

    def __init__(self, top):
        self.top = top
        self.id = self.owner = self.owner_public = None
        self.epochs, self.certs, self.domains = {}, {}, {}
        self.packs, self.places, self.unread = {}, {}, []
        self.cache = collections.OrderedDict()
        self.problems = 0

    def problem(self, text):
        self.problems += 1
        print(f"rescue.py: {text}", file=sys.stderr)

    # Objects

    def names(self, kind):
        """(writer, object id) of each object of a kind; anything with another shape is not an object."""
        found = []
        kind_dir = os.path.join(self.top, kind)
        for writer in sorted(os.listdir(kind_dir)) if os.path.isdir(kind_dir) else []:
            where = os.path.join(kind_dir, writer)
            if not re.fullmatch("[0-9a-f]{32}", writer) or not os.path.isdir(where):
                continue
            found += [(bytes.fromhex(writer), bytes.fromhex(n)) for n in sorted(os.listdir(where))
                      if re.fullmatch("[0-9a-f]{32}", n)]
        return found

    def read(self, kind, writer, oid):
        name = object_name(kind, writer, oid)
        try:
            with open(os.path.join(self.top, name), "rb") as f:
                data = f.read(80 * MIB + 72 + 64 + 1)
        except OSError as e:
            raise Damaged(f"{name}: {e.strerror}") from e
        return Envelope(kind, writer, oid, data, self.id)

    def signer(self, writer, right, what):
        """The public key that a writer signs with, if it has the right."""
        if writer == self.owner:
            return self.owner_public
        need(right != OWNER_ONLY, f"{what}: not written by the owner")
        need(writer in self.certs, f"{what}: its writer has no certificate")
        need(right is None or right in self.certs[writer].rights, f"{what}: its writer lacks the right '{right}'")
        return self.certs[writer].public

    def is_keeper(self, writer):
        """Whether a key may write in every domain (section 4)."""
        cert = self.certs.get(writer)
        return writer == self.owner or bool(cert and cert.kind == "read" and {"backup", "maintain"} <= set(cert.rights))

    def writes_in(self, writer, domain):
        return self.is_keeper(writer) or (writer in self.certs and self.certs[writer].domain == domain)

    def verify_envelope(self, e):
        right = RIGHTS.get(e.kind)
        if e.kind == "entry":
            kind = member(e.clear, "type", str, e.name)
            need(kind in ENTRY_RIGHTS, f"{e.name}: an entry of an unknown type {kind!r}")
            right = ENTRY_RIGHTS[kind]
        check_signature(self.signer(e.writer, right, e.name), e.signed, e.signature, e.name)

    def objects(self, kind):
        """The verified objects of a kind; the others are reported."""
        for writer, oid in self.names(kind):
            try:
                e = self.read(kind, writer, oid)
                self.verify_envelope(e)
                yield e
            except Damaged as error:
                self.problem(str(error))

    def open_body(self, e):
        """The plain text of a body of form 0, 1 or 2."""
        if e.form == 0:
            return e.body
        need(e.form in (1, 2), f"{e.name}: unknown form {e.form}")
        which = "catalogue" if e.form == 1 else "data"
        secret, public = self.pair(which, member(e.clear, "epoch", int, e.name), e.name)
        return box_open(secret, public, e.first, e.body, e.name)

    def pair(self, which, epoch, what):
        pair = self.epochs.get(epoch, {})
        need(pair.get(which + "_secret"), f"{what}: this key has no {which} secret of epoch {epoch}")
        return pair[which + "_secret"], pair[which + "_public"]

    # Keys, certificates and config (sections 4 and 5)

    def use_key(self, key, what):
        need(key.get("holdfast_key") == 1, f"{what}: not a key file")
        self.id = hex_member(key, "repository", 16, what)
        self.owner = hex_member(key, "owner_id", 16, what)
        self.owner_public = hex_member(key, "owner_public", 32, what)
        self.key_id, self.sign_secret = hex_member(key, "id", 16, what), hex_member(key, "sign_secret", 32, what)
        for epoch in member(key, "epochs", list, what):
            names = [n for n in ("data_public", "catalogue_public", "data_secret", "catalogue_secret") if epoch.get(n)]
            self.epochs[member(epoch, "epoch", int, what)] = {n: hex_member(epoch, n, 32, what) for n in names}
        need(any("data_secret" in e and "catalogue_secret" in e for e in self.epochs.values()),
             f"{what}: this key ({key.get('kind')}) reads nothing back")

    def unlock_by_key_file(self, path):
        with open(path, "rb") as f:
            self.use_key(parse_json(f.read(MIB), path), path)

    def unlock_by_passphrase(self, passphrase):
        failures = []
        for writer, oid in self.names("slot"):
            try:
                e = self.read("slot", writer, oid)
                key = parse_json(self.open_slot(e, passphrase), e.name)
                self.use_key(key, e.name)
                need((self.id, self.owner) == (e.repository, e.writer), f"{e.name}: holds the key of another repository")
                self.verify_envelope(e)
                return
            except Damaged as error:
                self.id = self.owner = None
                failures.append(str(error))
        raise Damaged("no slot opens with this passphrase\n" + "\n".join(failures))

    @staticmethod
    def open_slot(e, passphrase):
        need(e.form == 3 and e.clear.get("kdf") == "scrypt" and len(e.body) >= 48, f"{e.name}: not a slot of this version")
        log2n, r, p = (member(e.clear, n, int, e.name) for n in ("log2n", "r", "p"))
        need(0 < log2n <= 20 and 0 < r <= 16 and 0 < p <= 16 and 128 * r << log2n <= 256 * MIB, f"{e.name}: immoderate scrypt")
        secret = Scrypt(hex_member(e.clear, "salt", 32, e.name), 32, 1 << log2n, r, p).derive(passphrase)
        return gcm_open(hkdf(secret, e.body[:32], b"holdfast slot v1"), 0, e.first, e.body[32:], e.name)

    def load(self):
        """Checks the config against the pinned owner and reads the certificates."""
        configs = [e for e in self.objects("config") if e.writer == self.owner]
        need(configs, "there is no config signed by the owner")
        newest = max(configs, key=lambda e: int.from_bytes(e.oid, "big"))
        need(newest.clear.get("version") == 1 and newest.clear.get("n") == int.from_bytes(newest.oid, "big"),
             f"{newest.name}: not of format version 1, or a false number")
        need(hex_member(newest.clear, "owner_public", 32, newest.name) == self.owner_public,
             f"{newest.name}: names another owner")
        self.learn_epochs(newest)
        for e in self.objects("cert"):
            try:
                self.add_certificate(e)
            except Damaged as error:
                self.problem(str(error))

    def learn_epochs(self, config):
        """The epochs that began after the key was made, opened by what the owner granted it (section 5)."""
        secret = hkdf(self.sign_secret, b"", b"holdfast grant v1")
        own = X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        publics = {member(e, "epoch", int, config.name): e for e in member(config.clear, "epochs", list, config.name)}
        for grant in config.clear.get("grants") or []:
            number = member(grant, "epoch", int, config.name)
            if number in self.epochs or number not in publics or hex_member(grant, "key", 16, config.name) != self.key_id:
                continue
            context = self.id + self.key_id + struct.pack("<I", number)
            plain = box_open(secret, own, context, bytes.fromhex(member(grant, "box", str, config.name)), config.name)
            need(len(plain) == 64, f"{config.name}: what was granted this key of epoch {number} reads nothing back")
            self.epochs[number] = {"catalogue_secret": plain[:32], "data_secret": plain[32:]}
            for which in ("catalogue", "data"):
                public = hex_member(publics[number], which + "_public", 32, config.name)
                made = X25519PrivateKey.from_private_bytes(self.epochs[number][which + "_secret"]).public_key()
                need(made.public_bytes(Encoding.Raw, PublicFormat.Raw) == public, f"{config.name}: a false grant")
                self.epochs[number][which + "_public"] = public

    def add_certificate(self, e):
        need(hex_member(e.clear, "key", 16, e.name) == e.oid, f"{e.name}: certifies another key")
        domain = None if e.clear.get("domain") is None else hex_member(e.clear, "domain", 16, e.name)
        public = hex_member(e.clear, "sign_public", 32, e.name)
        rights, kind = member(e.clear, "rights", list, e.name), member(e.clear, "kind", str, e.name)
        self.certs[e.oid] = Certificate(public, rights, kind, domain, e)
        keys = parse_json(self.open_body(e), e.name)
        if domain is not None and keys:
            found = Domain(hex_member(keys, "id_key", 32, e.name), hex_member(keys, "index_key", 32, e.name))
            need(self.domains.setdefault(domain, found) == found, f"{e.name}: other keys for the same domain")

    # Chunks (section 7)

    def pack(self, writer, oid):
        if (writer, oid) not in self.packs:
            self.packs[writer, oid] = Pack(self, writer, oid)
        return self.packs[writer, oid]

    def add_pack(self, writer, oid):
        """Enters the chunks of a pack into the map, by its table. A pack that can't be read is left out, with a note."""
        try:
            pack = self.pack(writer, oid)
            if not pack.mapped:
                pack.mapped = True
                for frame in pack.table():
                    need((frame.kind == PACK_LIST) == (pack.pack_class == CLASS_LIST), f"{pack.name}: chunks of a false kind")
                    for cid, offset, length in frame.chunks:
                        self.places.setdefault((frame.kind, cid), []).append(Place(pack, frame, offset, length))
        except Damaged as error:
            if str(error) not in self.unread:
                self.unread.append(str(error))

    def find(self, kind, cid):
        """Where a chunk lies; looks into the packs that no list names only if it must (a pruner moves chunks)."""
        if (kind, cid) not in self.places:
            for writer, oid in self.names("pack"):
                self.add_pack(writer, oid)
        found = self.places.get((kind, cid))
        need(found, f"chunk {cid.hex()} is in no pack" + "".join("; " + u for u in self.unread))
        return found

    def chunk(self, domain, kind, cid, length=None):
        failure = None
        for place in self.find(kind, cid):
            try:
                need(length in (None, place.length), f"{place.pack.name}: chunk {cid.hex()} has not {length} bytes")
                data = self.frame(place.pack, place.frame)[place.offset:place.offset + place.length]
                check_chunk(domain, kind, cid, data, place.pack.name)
                return data
            except Damaged as error:
                failure = failure or error
        raise failure

    def frame(self, pack, frame):
        key = (pack.name, frame.number)
        if key not in self.cache:
            self.cache[key] = pack.read_frame(frame)
            if len(self.cache) > 16:
                self.cache.popitem(last=False)
        self.cache.move_to_end(key)
        return self.cache[key]


def check_chunk(domain, kind, cid, data, what):
    digest = hmac.new(domain.id_key, struct.pack("<BQ", kind, len(data)) + data, hashlib.sha256).digest()
    need(digest[:16] == cid, f"{what}: the bytes of chunk {cid.hex()} are others")


class Pack:
    """A pack whose signature was checked and whose data key was opened (section 6)."""

    def __init__(self, repository, writer, oid):
        self.name = object_name("pack", writer, oid)
        self.path = os.path.join(repository.top, self.name)
        self.writer, self.oid, self.mapped, self.frames = writer, oid, False, None
        try:
            with open(self.path, "rb") as f:
                self.read_ends(f, repository)
        except OSError as e:
            raise Damaged(f"{self.name}: {e.strerror}") from e
        self.open_key(repository)

    def read_ends(self, f, repository):
        size = os.fstat(f.fileno()).st_size
        need(200 + 80 <= size <= 256 * MIB, f"{self.name}: false size")
        self.header = f.read(200)
        f.seek(size - 80)
        tail = f.read(80)
        need(len(self.header) == 200 and len(tail) == 80, f"{self.name}: too short")
        self.table_at, length, zero = struct.unpack("<QII", tail[:16])
        need(zero == 0 and 200 <= self.table_at <= size and length <= 32 * MIB and self.table_at + length + 80 == size,
             f"{self.name}: the table is not where the tail says")
        f.seek(self.table_at)
        self.sealed_table = f.read(length)
        public = repository.signer(self.writer, RIGHTS["pack"], self.name)
        check_signature(public, self.header + self.sealed_table + tail[:16], tail[16:], self.name)

    def open_key(self, repository):
        head = struct.unpack("<8s4BI16s16s16s16sI4s", self.header[:88])
        magic, version, kind, self.pack_class, algorithm, self.key_number, repo, by, own, self.run, epoch, self.mark = head
        need(magic == b"HOLDFAST" and (version, algorithm) == (1, 1), f"{self.name}: not a pack of version 1")
        need(self.mark == bytes(4) or repository.is_keeper(by), f"{self.name}: claims another domain than its writer's")
        need((kind, repo, by, own) == (KINDS["pack"], repository.id, self.writer, self.oid), f"{self.name}: a false name")
        need(self.pack_class in (CLASS_DATA, CLASS_LIST), f"{self.name}: unknown class")
        secret, public = repository.pair("data" if self.pack_class == CLASS_DATA else "catalogue", epoch, self.name)
        context = self.header[8:48] + self.header[64:88]
        self.key = box_open(secret, public, context, self.header[88:168], self.name)
        need(len(self.key) == 32, f"{self.name}: false key")
        commitment = hkdf(self.key, self.run + struct.pack("<I", self.key_number), b"holdfast key commitment v1")
        need(commitment == self.header[168:200], f"{self.name}: the key is not the one committed to")

    def is_in(self, repository, domain):
        """Whether the pack is of a domain: of its writer's, unless a keeper marked it as of another."""
        if self.mark != bytes(4):
            return self.mark == domain[:4]
        return self.writer not in repository.certs or repository.certs[self.writer].domain == domain

    def table(self):
        if self.frames is None:
            key = hkdf(self.key, self.oid, b"holdfast pack table v1")
            plain = gcm_open(key, 0, self.header, self.sealed_table, self.name + " (table)")
            self.frames = self.parse_table(Cursor(plain, self.name + " (table)"))
            self.sealed_table = None
        return self.frames

    def parse_table(self, c):
        frames, chunks = c.number(4), c.number(4)
        found, offset = [], 200
        for _ in range(frames):
            number, stored, plain, n, kind, unit = struct.unpack("<QIIIBI", c.take(25))
            need(plain <= 4 * MIB and stored <= self.table_at - offset, f"{c.what}: a frame beyond the end")
            need(n <= (len(c.data) - c.at) // 16, f"{c.what}: ends too early")
            if unit:
                need(n and (n - 1) * unit < plain <= n * unit, f"{c.what}: a false unit")
                lengths = [unit] * (n - 1) + [plain - (n - 1) * unit]
            else:
                lengths = struct.unpack(f"<{n}I", c.take(4 * n))
            need(sum(lengths) == plain, f"{c.what}: the chunks don't fill the frame")
            listed, at = [], 0
            for length in lengths:
                listed.append((c.take(16), at, length))
                at += length
            found.append(Frame(number, offset, stored, plain, kind, listed))
            offset += stored
        c.end()
        need(offset == self.table_at and sum(len(f.chunks) for f in found) == chunks, f"{c.what}: false sums")
        return found

    def read_frame(self, frame):
        """The chunks of a frame, one after another."""
        what = f"{self.name} (frame {frame.number} at {frame.offset})"
        need(frame.plain <= 4 * MIB and 200 <= frame.offset <= self.table_at - frame.stored, f"{what}: beyond the end")
        try:
            with open(self.path, "rb") as f:
                f.seek(frame.offset)
                sealed = f.read(frame.stored)
        except OSError as e:
            raise Damaged(f"{what}: {e.strerror}") from e
        aad = (b"\1" + self.header[16:32] + bytes([self.pack_class]) + self.writer + self.run
               + struct.pack("<IQI", self.key_number, frame.number, frame.plain))
        c = Cursor(gcm_open(self.key, frame.number, aad, sealed, what), what)
        codec = c.number(1)
        payload = c.take(c.number(4))
        need(not any(c.data[c.at:]), f"{what}: the padding is not zeros")
        return decompress(codec, payload, frame.plain, what)


def decompress(codec, payload, plain, what):
    need(codec in (0, 1), f"{what}: unknown codec")
    if codec == 0:
        data = payload
    else:
        try:
            said = zstandard.get_frame_parameters(payload).content_size
            need(said in (plain, zstandard.CONTENTSIZE_UNKNOWN), f"{what}: another length than the table says")
            data = zstandard.ZstdDecompressor(max_window_size=8 * MIB).decompress(payload, max_output_size=plain)
        except zstandard.ZstdError as e:
            raise Damaged(f"{what}: {e}") from e
    need(len(data) == plain, f"{what}: another length than the table says")
    return data


# Catalogue and snapshots (section 10)

def named_snapshots(e, member_name="snapshots"):
    return {(hex_member(s, "writer", 16, e.name), hex_member(s, "id", 16, e.name))
            for s in member(e.clear, member_name, list, e.name)}


def hashes_of(e, name):
    listed = member(e.clear, name, list, e.name)
    need(all(isinstance(h, str) and re.fullmatch("[0-9a-f]{64}", h) for h in listed), f"{e.name}: {name} are no hashes")
    return [bytes.fromhex(h) for h in listed]


def ancestors(entries, start):
    """The hashes of an entry and of all before it."""
    seen, todo = set(), [start]
    while todo:
        h = todo.pop()
        if h in seen:
            continue
        seen.add(h)
        e = entries.get(h)
        if e is not None:
            todo += hashes_of(e, "parents")
    return seen


def valid_entries(repository):
    """The entries that count, by hash: verified, and not by a key that was revoked before."""
    entries = {e.hash: e for e in repository.objects("entry")}
    for revoke in [e for e in entries.values() if e.clear["type"] == "revoke"]:
        key = hex_member(revoke.clear, "key", 16, revoke.name)
        last = None if revoke.clear.get("last") is None else hex_member(revoke.clear, "last", 32, revoke.name)
        counts = set() if last is None else ancestors(entries, last)
        entries = {h: e for h, e in entries.items() if e.writer != key or h in counts}
    return entries


def restore_points(repository):
    """The (writer, id) of each snapshot that was committed and is not forgotten."""
    entries = valid_entries(repository)
    points, unforgets = set(), []
    for e in entries.values():
        if e.clear["type"] == "commit":
            points.add((e.writer, hex_member(e.clear, "snapshot", 16, e.name)))
        elif e.clear["type"] == "unforget":
            unforgets.append((named_snapshots(e), ancestors(entries, e.hash)))
    for e in entries.values():
        if e.clear["type"] == "forget":
            undone = [names for names, before in unforgets if e.hash in before]
            points -= named_snapshots(e).difference(*undone)
    return points


class Snapshot:
    def __init__(self, repository, e):
        self.e, self.name, self.repository = e, e.name, repository
        domain = hex_member(e.clear, "domain", 16, e.name)
        need(domain in repository.domains, f"{e.name}: the keys of its domain are not in any certificate")
        self.domain_id, self.domain = domain, repository.domains[domain]
        c = Cursor(repository.open_body(e), e.name)
        self.json = parse_json(c.take(c.number(4)), e.name)
        self.pack_list = c.take(len(c.data) - c.at)
        self.time = member(self.json, "time", str, e.name)
        self.sources = member(self.json, "sources", list, e.name)
        names = [member(s, "name", str, e.name) for s in self.sources]
        need(len(set(names)) == len(names), f"{e.name}: two sources have one name")
        need(all(n not in ("", ".", "..") and "/" not in n and "\0" not in n for n in names), f"{e.name}: a senseless name")

    def packs(self):
        """(writer, id) of every pack that the list names."""
        c = Cursor(self.pack_list, f"{self.name} (pack list)")
        form = c.number(1)
        need(form in (0, 1), f"{c.what}: unknown form")
        return self.pack_groups(c) if form == 0 else self.pack_nodes(c)

    @staticmethod
    def pack_groups(c):
        found = []
        for _ in range(c.number(4)):
            writer = c.take(16)
            found += [(writer, c.take(16)) for _ in range(c.number(4))]
        c.end()
        return found

    def pack_nodes(self, c):
        found = []
        for _ in range(c.number(4)):
            cid, writer, oid, number, at, stored, plain, offset, length = struct.unpack("<16s16s16sQIIIII", c.take(76))
            pack = self.repository.pack(writer, oid)
            need(pack.pack_class == CLASS_LIST, f"{pack.name}: not a list pack, though {self.name} says so")
            data = pack.read_frame(Frame(number, at, stored, plain, PACK_LIST, []))
            need(offset + length <= len(data), f"{c.what}: a node beyond the end of its frame")
            node = data[offset:offset + length]
            check_chunk(self.domain, PACK_LIST, cid, node, pack.name)
            found += [(writer, oid)] + self.pack_groups(Cursor(node, c.what))
        c.end()
        return list(dict.fromkeys(found))

    def map_packs(self):
        for writer, oid in self.packs():
            self.repository.add_pack(writer, oid)

    def root(self, source):
        return hex_member(source, "root", 16, f"{self.name}, source {source['name']}")

    def about(self, source):
        cid = hex_member(source, "about", 16, f"{self.name}, source {source['name']}")
        return parse_json(self.repository.chunk(self.domain, ABOUT, cid), f"{self.name} (about)")


def snapshots(repository):
    """The restore points, oldest first."""
    points, found = restore_points(repository), []
    for e in repository.objects("snapshot"):
        if (e.writer, e.oid) in points:
            try:
                found.append(Snapshot(repository, e))
            except Damaged as error:
                repository.problem(str(error))
    for writer, oid in points - set(repository.names("snapshot")):
        repository.problem(f"{object_name('snapshot', writer, oid)}: committed, but not there")
    return sorted(found, key=lambda s: s.time)


# The manifest (section 8)

def manifest(repository, domain, cid, what):
    """Every entry of a source, in order; a node that can't be read is reported and left out."""
    last = None
    for entry in walk_node(repository, domain, cid, None, None, what):
        key = entry.path.replace(b"/", b"\0")
        need(last is None or last < key, f"{what}: paths out of order at {show(entry.path)}")
        last = key
        yield entry


def walk_node(repository, domain, cid, length, level, what):
    try:
        c = Cursor(repository.chunk(domain, NODE, cid, length), f"{what}, node {cid.hex()}")
        own = c.number(1)
        need(own == level if level is not None else own <= 15, f"{c.what}: false level")
        found = parse_children(c) if own else parse_leaf(c)
    except Damaged as error:
        repository.problem(str(error))
        return
    if own == 0:
        yield from found
        return
    for child, child_length in found:
        yield from walk_node(repository, domain, child, child_length, own - 1, what)


def parse_children(c):
    found = []
    while c.more():
        found.append((c.take(16), c.varint()))
        c.varint()
        c.blob(MIB)
    need(found, f"{c.what}: empty")
    return found


def parse_leaf(c):
    found, path = [], b""
    while c.more():
        shared = c.varint()
        need(shared <= len(path), f"{c.what}: false prefix of a path")
        path = path[:shared] + c.blob(MIB)
        need(len(path) <= MIB and sane_path(path), f"{c.what}: senseless path {show(path)}")
        found.append(parse_entry(c, path))
    return found


def sane_path(path):
    return path == b"" or (b"\0" not in path and not any(p in (b"", b".", b"..") for p in path.split(b"/")))


def parse_entry(c, path):
    kind, flags = c.number(1), c.varint()
    need(FILE <= kind <= SOCKET and flags < 256, f"{c.what}: {show(path)} has an unknown type or flag")
    mode, uid, gid = c.varint(), c.varint(), c.varint()
    seconds, nanoseconds = c.zigzag(), c.varint()
    need(mode < 1 << 12 and uid < 1 << 32 and gid < 1 << 32 and nanoseconds < 10**9, f"{c.what}: {show(path)}: false number")
    if flags & 1:
        c.blob(65536), c.blob(65536)  # the names of user and group: the numbers are restored
    need(bool(flags & 2) == (kind in (SYMLINK, HARD_LINK)), f"{c.what}: {show(path)}: false flags")
    link = c.blob(MIB) if flags & 2 else None
    xattrs = [(c.blob(65536), c.blob(65536)) for _ in range(c.varint())] if flags & 4 else []
    if flags & 8:
        c.varint()  # file flags: not restored
    need(bool(flags & 16) == (kind in (CHARACTER, BLOCK)), f"{c.what}: {show(path)}: false flags")
    device = (c.varint(), c.varint()) if flags & 16 else None
    need(kind == FILE or not flags & 0xe0, f"{c.what}: {show(path)}: false flags")
    ranges, at = ([] if flags & 32 else None), 0
    for _ in range(c.varint() if flags & 32 else 0):
        gap, length = c.varint(), c.varint()
        ranges.append((at + gap, length))
        at += gap + length
    size, content = None, None
    if kind == FILE:
        size = c.varint()
        need(at <= size < 1 << 63, f"{c.what}: {show(path)}: ranges beyond the end")
        content = parse_content(c)
    return Entry(path, kind, flags, mode, uid, gid, seconds * 10**9 + nanoseconds, link, xattrs, device, ranges, size, content)


def parse_content(c):
    """(form, what follows): the ids are looked up only when the file is written."""
    form = c.number(1)
    need(form <= 2, f"{c.what}: unknown form of a content")
    if form == 0:
        return form, [(c.take(16), c.varint()) for _ in range(c.varint())]
    if form == 1:
        return form, (c.number(4), [c.take(16) for _ in range(c.varint())])
    return form, (c.varint(), c.take(16))


def content_chunks(repository, domain, entry, what):
    """(chunk id, length) of the chunks of a file, in order. Checks that they add up."""
    expected = entry.size if entry.ranges is None else sum(length for _, length in entry.ranges)
    partial, total = entry.flags & 128, 0
    form, value = entry.content
    if form == 0:
        chunks = value
    elif form == 1:
        chunks = unit_chunks(value[1], value[0], expected, what)
    else:
        need(value[0] == expected or partial, f"{what}: the content list has a false length")
        expected, partial = value[0], False
        chunks = list_chunks(repository, domain, value[1], expected, None, what)
    for cid, length in chunks:
        need(0 < length <= expected - total, f"{what}: more content than the file has")
        total += length
        yield cid, length
    need(total == expected or partial, f"{what}: less content than the file has")


def unit_chunks(ids, unit, left, what):
    need(unit and (len(ids) - 1) * unit < left <= len(ids) * unit, f"{what}: false number of chunks")
    for cid in ids:
        yield cid, min(unit, left)
        left -= unit


def list_chunks(repository, domain, cid, size, level, what):
    """The chunks below a node of a content list (section 9), which holds `size` bytes of content."""
    c = Cursor(repository.chunk(domain, CONTENT, cid), f"{what}, content list {cid.hex()}")
    own, form = c.number(1), c.number(1)
    need(own == level if level is not None else own <= 7, f"{c.what}: false level")
    need(form == 0 or (form == 1 and own == 0), f"{c.what}: unknown form")
    if form == 1:
        unit = c.number(4)
        ids = [c.take(16) for _ in range((len(c.data) - c.at + 15) // 16)]
        yield from unit_chunks(ids, unit, size, c.what)
        return
    children = []
    while c.more():
        children.append((c.take(16), c.varint()))
    need(children and sum(length for _, length in children) == size, f"{c.what}: false sum")
    for child, length in children:
        if own:
            yield from list_chunks(repository, domain, child, length, own - 1, what)
        else:
            yield child, length


# Restore

def show(path):
    return repr(os.fsdecode(path))[1:-1] or "(root)"


class Restorer:
    """Writes one source. Nothing is written through a symlink: a parent is a directory that this run made."""

    def __init__(self, repository, snapshot, source, target):
        self.repository, self.snapshot, self.source = repository, snapshot, source
        self.target = os.fsencode(target)
        self.kinds = {}  # path → type, of what was made
        self.directories = []

    def run(self):
        what = f"{self.snapshot.name}, source {self.source['name']}"
        entries = manifest(self.repository, self.snapshot.domain, self.snapshot.root(self.source), what)
        for entry in entries:
            try:
                self.make(entry)
            except (Damaged, OSError, ValueError) as error:
                self.repository.problem(f"{self.source['name']}: {show(entry.path)}: not restored: {error}")
        for path, entry in reversed(self.directories):
            self.apply(path, entry)

    def place(self, path):
        if path == b"":
            return self.target
        return os.path.join(self.target, path)

    def make_parents(self, path):
        """A tree names each directory before what is in it; if its node was lost, plain ones take their place."""
        parts = path.split(b"/")[:-1] if path else []
        for i in range(len(parts) + 1):
            parent = b"/".join(parts[:i])
            if parent == path or self.kinds.get(parent) == DIRECTORY:
                continue
            need(parent not in self.kinds, "what it lies in is not a directory")
            os.makedirs(self.place(parent), mode=0o700, exist_ok=parent == b"")
            self.kinds[parent] = DIRECTORY

    def make(self, entry):
        self.make_parents(entry.path)
        path = self.place(entry.path)
        if entry.type == HARD_LINK:
            need(self.kinds.get(entry.link) not in (None, DIRECTORY, HARD_LINK), f"there is no {show(entry.link)} to link to")
            os.link(self.place(entry.link), path, follow_symlinks=False)
            self.kinds[entry.path] = HARD_LINK
            return
        if entry.type == FILE:
            self.write_file(path, entry)
        elif entry.type == DIRECTORY:
            os.makedirs(path, mode=0o700, exist_ok=entry.path == b"")
            self.directories.append((path, entry))
        elif entry.type == SYMLINK:
            os.symlink(entry.link, path)
        else:
            kind = {FIFO: stat.S_IFIFO, SOCKET: stat.S_IFSOCK, CHARACTER: stat.S_IFCHR, BLOCK: stat.S_IFBLK}[entry.type]
            os.mknod(path, kind | 0o600, os.makedev(*entry.device) if entry.device else 0)
        self.kinds[entry.path] = entry.type
        if entry.type != DIRECTORY:
            self.apply(path, entry)

    def write_file(self, path, entry):
        what = f"{self.source['name']}: {show(entry.path)}"
        ranges = [(0, entry.size)] if entry.ranges is None else list(entry.ranges)
        with open(path, "xb") as f:
            try:
                for cid, length in content_chunks(self.repository, self.snapshot.domain, entry, what):
                    data = self.repository.chunk(self.snapshot.domain, DATA, cid, length)
                    while data:  # ranges are used up from the front
                        at, left = ranges.pop(0)
                        f.seek(at)
                        f.write(data[:left])
                        if left > len(data):
                            ranges.insert(0, (at + len(data), left - len(data)))
                        data = data[left:]
                f.truncate(entry.size)
            except BaseException:
                os.unlink(path)
                raise
        if entry.flags & 192:
            print(f"rescue.py: {what}: was changed or read only in part when it was backed up", file=sys.stderr)

    def apply(self, path, entry):
        """Owner, attributes, mode and time, in this order: each may undo what comes after it."""
        steps = [lambda: os.chown(path, entry.uid, entry.gid, follow_symlinks=False)] if os.geteuid() == 0 else []
        steps += [lambda n=n, v=v: os.setxattr(path, n, v, follow_symlinks=False) for n, v in entry.xattrs]
        if entry.type != SYMLINK:
            steps.append(lambda: os.chmod(path, entry.mode))
        steps.append(lambda: os.utime(path, ns=(entry.mtime_ns, entry.mtime_ns), follow_symlinks=False))
        for step in steps:
            try:
                step()
            except (OSError, OverflowError, ValueError) as error:
                self.repository.problem(f"{self.source['name']}: {show(entry.path)}: an attribute was not restored: {error}")


# Index segments (section 12): not needed to restore; `verify` checks that they say the same as the packs

def read_segment(repository, writer, oid):
    """An index segment, or None if its domain is unknown to this key, or one that its writer has no say in."""
    name = object_name("index", writer, oid)
    try:
        with open(os.path.join(repository.top, name), "rb") as f:
            data = f.read()
    except OSError as e:
        raise Damaged(f"{name}: {e.strerror}") from e
    need(len(data) >= 120 + 16 + 80, f"{name}: too short")
    first = data[:120]
    expected = b"HOLDFAST" + bytes([1, KINDS["index"], 4, 0]) + bytes(4) + repository.id + writer + oid + bytes(8)
    need(first[:72] == expected, f"{name}: false header")
    root_at, size, zero = struct.unpack("<QII", data[-80:-64])
    need(zero == 0 and size <= 16 * MIB and 120 <= root_at and root_at + size + 80 == len(data)
         and (root_at - 120) % 16400 == 0, f"{name}: the root is not where the tail says")
    check_signature(repository.signer(writer, RIGHTS["index"], name), first + data[root_at:-64], data[-64:], name)
    if first[104:120] not in repository.domains or not repository.writes_in(writer, first[104:120]):
        return None
    key = hkdf(repository.domains[first[104:120]].index_key, first[72:104], b"holdfast index v1")
    root = gcm_open(key, 1 << 63, first, data[root_at:-80], name)
    blocks = [gcm_open(key, i, first, data[at:at + 16400], f"{name} (block {i})")
              for i, at in enumerate(range(120, root_at, 16400))]
    return parse_segment(name, writer, Cursor(root, name), blocks)


def parse_segment(name, writer, c, blocks):
    n_entries, n_frames, n_packs, n_lines, _, last, n_blocks = struct.unpack("<QIIIIQI", c.take(36))
    firsts = [c.number(8) for _ in range(n_blocks)]
    replaces = [(c.take(16), c.take(16)) for _ in range(c.number(4))]
    c.end()
    need(n_blocks == -(-n_entries // 655), f"{name}: false number of entry blocks")
    parts, at = [], 0
    for n, size, a_block in ((n_entries, 25, 655), (n_frames, 28, 585), (n_packs, 48, 341), (n_lines, 64, 256)):
        taken = blocks[at:at + -(-n // a_block)]
        at += -(-n // a_block)
        records = [b[i * size:(i + 1) * size] for b in taken for i in range(a_block)][:n]
        need(len(records) == n, f"{name}: blocks are missing")
        parts.append(records)
    need(at == len(blocks), f"{name}: more blocks than the root says")
    entries, frames, packs, lines = parts
    ids = [e[:16] for e in entries]
    need(ids == sorted(ids), f"{name}: the entries are not in order")
    need(firsts == [int.from_bytes(i[:8], "big") for i in ids[::655]], f"{name}: false first ids")
    need(not ids or last == int.from_bytes(ids[-1][:8], "big"), f"{name}: false last id")
    packs = [(p[:16], p[16:32], p[32:]) for p in packs]
    return Segment(name, writer, entries, [struct.unpack("<IIIIQI", f) for f in frames], packs, lines, replaces)


def in_filter(lines, cid):
    line = int.from_bytes(lines[int.from_bytes(cid[:8], "little") % len(lines)], "little")
    bits = int.from_bytes(cid[8:], "little")
    return all(line >> (bits >> 9 * i & 511) & 1 for i in range(6))


def check_segment(repository, segment):
    """Each entry must be in the table of the pack that it names."""
    tables = []
    for writer, oid, run in segment.packs:
        pack = repository.pack(writer, oid)
        need(pack.run == run, f"{segment.name}: a false run of {pack.name}")
        tables.append((pack, {f.offset: (f, {(i, at): n for i, at, n in f.chunks}) for f in pack.table()}))
    for e in segment.entries:
        number, offset, length = (int.from_bytes(e[i:i + 3], "little") for i in (16, 19, 22))
        need(number < len(segment.frames), f"{segment.name}: a false frame")
        pack_number, at, stored, plain, frame_number, key_number = segment.frames[number]
        need(pack_number < len(tables), f"{segment.name}: a false pack")
        pack, frames = tables[pack_number]
        frame, chunks = frames.get(at, (None, {}))
        same = frame and (frame.stored, frame.plain, frame.number) == (stored, plain, frame_number)
        need(same and key_number == pack.key_number and chunks.get((e[:16], offset)) == length,
             f"{segment.name}: chunk {e[:16].hex()} is not where it says in {pack.name}")
        need(in_filter(segment.filter, e[:16]), f"{segment.name}: chunk {e[:16].hex()} is not in the filter")


def verify_index(repository):
    segments, replaced = [], set()
    for writer, oid in repository.names("index"):
        try:
            segment = read_segment(repository, writer, oid)
        except Damaged as error:
            repository.problem(f"{error} (the index isn't needed for a restore)")
            continue
        if segment:
            segments.append(((writer, oid), segment))
            replaced |= {r for r in segment.replaces if writer in (r[0], repository.owner)}
    for name, segment in segments:
        try:
            if name not in replaced:
                check_segment(repository, segment)
        except Damaged as error:
            repository.problem(f"{error} (the index isn't needed for a restore)")
    return sum(name not in replaced for name, _ in segments)


# The commands

def verify_pack(repository, pack, domain, good):
    for frame in pack.table():
        try:
            data = pack.read_frame(frame)
            for cid, at, length in frame.chunks:
                check_chunk(domain, frame.kind, cid, data[at:at + length], pack.name)
                good[frame.kind, cid] = length
        except Damaged as error:
            repository.problem(str(error))


def verify_source(repository, snapshot, source, good):
    """Every chunk that the source refers to is there, whole and as long as it says."""
    what = f"{snapshot.name}, source {source['name']}"
    snapshot.about(source)
    for entry in manifest(repository, snapshot.domain, snapshot.root(source), what):
        try:
            for cid, length in content_chunks(repository, snapshot.domain, entry, what) if entry.type == FILE else ():
                if good.get((DATA, cid)) != length:
                    repository.chunk(snapshot.domain, DATA, cid, length)
                    good[DATA, cid] = length
        except Damaged as error:
            repository.problem(f"{what}: {show(entry.path)}: {error}")


def command_verify(repository, _):
    for kind in ("slot", "void", "condemned", "run", "rescue"):
        for e in repository.objects(kind):
            if kind == "rescue" and hashlib.sha256(e.body).digest() != hex_member(e.clear, "sha256", 32, e.name):
                repository.problem(f"{e.name}: the file is not the one it says")
    found, good, seen = snapshots(repository), {}, set()
    for snapshot in found:
        try:
            snapshot.map_packs()
            for writer, oid in snapshot.packs():
                if (writer, oid) not in seen and (writer, oid) in repository.packs:
                    seen.add((writer, oid))
                    pack = repository.packs[writer, oid]
                    need(pack.is_in(repository, snapshot.domain_id), f"{pack.name}: of another domain than {snapshot.name}")
                    verify_pack(repository, pack, snapshot.domain, good)
            for source in snapshot.sources:
                verify_source(repository, snapshot, source, good)
        except Damaged as error:
            repository.problem(str(error))
    for text in repository.unread:
        print(f"rescue.py: not read: {text}", file=sys.stderr)
    segments = verify_index(repository)
    print(f"{len(found)} restore points, {len(seen)} packs, {len(good)} chunks, {segments} index segments: "
          f"{repository.problems or 'no'} problems")


def command_list(repository, _):
    for s in snapshots(repository):
        sources = ", ".join(f"{x['name']} ({x.get('kind')}{'' if x.get('complete') else ', incomplete'})" for x in s.sources)
        print(f"{s.e.oid.hex()}  {s.time}  {s.json.get('host')}  {sources}")


def command_restore(repository, args):
    found = snapshots(repository)
    if args.snapshot != "latest":
        found = [s for s in found if s.e.oid.hex().startswith(args.snapshot)]
        need(len(found) <= 1, f"{args.snapshot} is the start of several restore points")
    need(found, f"there is no restore point {args.snapshot}")
    snapshot = found[-1]
    sources = [s for s in snapshot.sources if args.source in (None, s["name"])]
    need(sources, f"{snapshot.name} has no source {args.source}")
    os.makedirs(args.target, mode=0o700, exist_ok=True)
    need(not os.listdir(args.target), f"{args.target} is not empty")
    snapshot.map_packs()
    for source in sources:
        target = args.target if len(sources) == 1 else os.path.join(args.target, source["name"])
        Restorer(repository, snapshot, source, target).run()
        if source.get("complete") is not True:
            print(f"rescue.py: {source['name']}: the backup was incomplete", file=sys.stderr)


def arguments():
    p = argparse.ArgumentParser(description="Lists, verifies and restores a Holdfast repository without Holdfast.")
    p.add_argument("repository", metavar="REPO")
    key = p.add_mutually_exclusive_group(required=True)
    key.add_argument("--key-file")
    key.add_argument("--passphrase-file", help="its first line, without the end of line")
    commands = p.add_subparsers(required=True, metavar="COMMAND")
    commands.add_parser("list").set_defaults(run=command_list)
    commands.add_parser("verify").set_defaults(run=command_verify)
    restore = commands.add_parser("restore")
    restore.set_defaults(run=command_restore)
    restore.add_argument("snapshot", metavar="SNAPSHOT|latest")
    restore.add_argument("--target", required=True, metavar="DIR")
    restore.add_argument("--source", metavar="NAME")
    return p.parse_args()


def main():
    args = arguments()
    repository = Repository(args.repository)
    try:
        if args.key_file:
            repository.unlock_by_key_file(args.key_file)
        else:
            with open(args.passphrase_file, "rb") as f:
                repository.unlock_by_passphrase(f.readline().rstrip(b"\r\n"))
        repository.load()
        args.run(repository, args)
    except (Damaged, OSError) as error:
        repository.problem(str(error))
    return 1 if repository.problems else 0


if __name__ == "__main__":
    sys.exit(main())
