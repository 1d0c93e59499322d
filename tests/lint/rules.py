"""The rules of the house; lint runs them. Rules read C with comments and the contents of strings blanked out."""
import os
import re
import subprocess
import tempfile
from collections import namedtuple

Rule = namedtuple("Rule", "check plants")

# Which rooms a room may include: DESIGN.md section 2, closed transitively. base is everyone's.
ARROWS = {
    "base": [],
    "crypto": [],
    "chunker": [],
    "store": ["crypto"],
    "entry": [],
    "repo": ["entry", "store", "crypto"],
    "pipeline": ["entry", "repo", "chunker"],
    "source": ["entry", "crypto"],
    "policy": [],
    "report": [],
    "ops": ["policy", "report", "source", "pipeline"],
    "cli": ["ops"],
    "api": ["ops"],
}

# A third-party header, and the one place that may include it.
THIRD_PARTY = [
    (r"openssl/", r"src/crypto/"),
    (r"zstd|zdict", r"src/repo/frame\.c$"),
    (r"jansson", r"src/base/json\.[ch]$"),
    (r"archive(_entry)?\.h", r"src/source/archive(_\w+)?\.[ch]$"),
    (r"libpq|postgres|pg_config", r"src/source/postgres/"),
    (r"sqlite3", r"src/source/sqlite/"),
    (r"yaml\.h", r"src/policy/"),
    (r"curl/", r"src/store/http\.[ch]$"),
    (r"expat", r"src/store/xml\.c$"),
    (r"libs3", r"src/store/libs3\.c$"),
]

# A call, and the one file that may make it.
ONE_PLACE = [
    (r"(?<![\w.>])(rename|renameat|renameat2)\s*\(", "src/base/file.c"),
    (r"(?<![\w.>])(fsync|fdatasync|syncfs)\s*\(", "src/base/file.c"),
]

TOP = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
FILE_LINES = 600
FUNCTION_LINES = 80
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


class Tree:
    """A list of files under a top directory."""

    def __init__(self, top, files):
        self.top, self.files = top, sorted(files)

    @classmethod
    def of_git(cls, top):
        """What git knows or would add."""
        # As another user than the clone's (root in a container) git asks for the directory to be named safe.
        out = subprocess.run(
            ["git", "-c", f"safe.directory={top}", "-C", top, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            check=True, stdout=subprocess.PIPE).stdout.decode()
        return cls(top, [f for f in out.split("\0") if f and os.path.isfile(os.path.join(top, f))])

    def matching(self, pattern):
        return [f for f in self.files if re.search(pattern, f)]

    def text(self, path):
        with open(os.path.join(self.top, path), encoding="utf-8", errors="replace") as f:
            return f.read()


def code_lines(text):
    """Numbered lines of C with comments and strings blanked; include lines are left whole."""
    def blank(m):
        s = m.group(0)
        if s.startswith("#"):
            return s
        return re.sub(r"[^\n]", " ", s)
    blanked = re.sub(
        r'#[ \t]*include[^\n]*|/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', blank, text, flags=re.S)
    return list(enumerate(blanked.split("\n"), 1))


def includes(tree, pattern):
    for path in tree.matching(pattern):
        for number, line in code_lines(tree.text(path)):
            m = INCLUDE.match(line)
            if m:
                yield path, number, m.group(1), m.group(2)


def reachable(room):
    seen, wait = {room, "base"}, [room]
    while wait:
        for other in ARROWS[wait.pop()]:
            if other not in seen:
                seen.add(other)
                wait.append(other)
    return seen


def check_arrows(tree):
    for path, number, quote, header in includes(tree, r"^(src|include)/.*\.[ch]$"):
        parts = path.split("/")
        if parts[0] == "include":
            if quote == '"' and not header.startswith("holdfast/"):
                yield f"{path}:{number}: a public header includes \"{header}\", which users don't have"
            continue
        room = parts[1]
        if len(parts) < 3 or room not in ARROWS:
            yield f"{path}:{number}: not in a room of DESIGN.md section 2"
            continue
        target = header.split("/")[0]
        if quote != '"' or target == "holdfast":
            continue
        if "/" not in header or target not in ARROWS:
            yield f"{path}:{number}: \"{header}\" does not start with a room's name"
        elif target not in reachable(room):
            yield f"{path}:{number}: {room} includes \"{header}\", but no arrow leads from {room} to {target}"


def check_third_party(tree):
    for path, number, _, header in includes(tree, r"^(src|include)/.*\.[ch]$"):
        for library, place in THIRD_PARTY:
            if re.match(library, header) and not re.match(place, path):
                yield f"{path}:{number}: {header} is included outside of {place}"


def check_one_place(tree):
    for path in tree.matching(r"^src/.*\.[ch]$"):
        for number, line in code_lines(tree.text(path)):
            for call, place in ONE_PLACE:
                m = re.search(call, line)
                if m and path != place:
                    yield f"{path}:{number}: {m.group(1)}() belongs into {place}"


PROMISES = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"]) + r")\b")


def check_promises(tree):
    for path in tree.matching(r"\.([ch]|py|sh|md|build|yaml|[1-8])$|^(tests|contrib)/"):
        if path.startswith("tests/golden/"):
            continue
        for number, line in enumerate(tree.text(path).split("\n"), 1):
            m = PROMISES.search(line)
            if m:
                yield f"{path}:{number}: {m.group(1)}: do it, or leave the word out"


def check_file_length(tree):
    for path in tree.matching(r"^(src|include)/.*\.[ch]$"):
        lines = tree.text(path).count("\n")
        if lines > FILE_LINES:
            yield f"{path}:1: {lines} lines, more than {FILE_LINES}"


def check_function_length(tree):
    for path in tree.matching(r"^(src|include|tests)/.*\.[ch]$"):
        begin = None
        for number, line in code_lines(tree.text(path)):
            if line.rstrip() == "{":
                begin = number
            elif line.startswith("}") and begin:
                if number - begin + 1 > FUNCTION_LINES:
                    yield f"{path}:{begin}: a function of {number - begin + 1} lines, more than {FUNCTION_LINES}"
                begin = None


def check_file_names(tree):
    for path in tree.matching(r"(^|/)(util|utils|common|helper|helpers|misc)\.[ch]$"):
        yield f"{path}:1: a file is named after its noun"


def compile_alone(tree, path, language):
    command = ["clang", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE", "-I", "src", "-I", "include"]
    command += ["-I", "/usr/include/postgresql", "-x", language]
    command += ["-std=gnu17"] if language == "c" else ["-std=c++17"]
    run = subprocess.run(command + ["-"], cwd=tree.top, input=f'#include "{os.path.abspath(os.path.join(tree.top, path))}"\n',
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if run.returncode != 0:
        yield f"{path}:1: does not compile alone as {language}:\n{run.stdout}"


def check_headers(tree):
    for path in tree.matching(r"^(src|include)/.*\.h$"):
        yield from compile_alone(tree, path, "c")
    for path in tree.matching(r"^include/.*\.h$"):
        yield from compile_alone(tree, path, "c++")


def is_script(tree, path):
    with open(os.path.join(tree.top, path), "rb") as f:
        return re.match(rb"#!.*\b(bash|sh)\b", f.readline()) or path.endswith(".sh")


def check_shell(tree):
    for path in tree.matching(r"^(tests|contrib|\.ci)/"):
        if not is_script(tree, path):
            continue
        run = subprocess.run(["bash", "-n", os.path.join(tree.top, path)], stderr=subprocess.PIPE, text=True)
        if run.returncode != 0:
            yield f"{path}:1: bash -n: {run.stderr}"
        text = tree.text(path)
        if not path.endswith(".sh") and "set -" not in text and not re.search(r"^(exec|\.) ", text, re.M):
            yield f"{path}:1: neither sets -e, -u or -o pipefail nor is a wrapper around something that does"
        for number, line in enumerate(text.split("\n"), 1):
            if re.match(r"\s*cd\s[^&|;]*$", line) and not re.search(r"set -[a-z]*e", text) and "test.sh" not in text:
                yield f"{path}:{number}: a cd whose failure nobody would notice"
            if re.search(r"[^|]\| *(grep -\w*q|head\b)", line) and ("pipefail" in text or "test.sh" in text):
                yield f"{path}:{number}: what writes into a reader that stops early may die of it, and pipefail then says no"


def check_tidy(tree):
    """clang-tidy with the checks of .clang-tidy."""
    paths = tree.matching(r"^src/.*\.c$")
    run = subprocess.run(
        ["clang-tidy", "--quiet", f"--config-file={os.path.join(TOP, '.clang-tidy')}", *paths, "--", "-std=gnu17", "-D_GNU_SOURCE",
         "-D_FILE_OFFSET_BITS=64", "-Isrc", "-Iinclude", "-I/usr/include/postgresql"],
        cwd=tree.top, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if run.returncode != 0:
        yield from (re.sub(r"^.*?/((src|include)/)", r"\1", line) for line in run.stdout.split("\n") if " error: " in line)
        if " error: " not in run.stdout:
            yield f"clang-tidy failed: {run.stderr}"


def check_python(tree):
    for path in tree.files:
        if path.endswith(".py") or tree.text(path).startswith("#!/usr/bin/python3"):
            try:
                compile(tree.text(path), path, "exec")
            except SyntaxError as e:
                yield f"{path}:{e.lineno}: {e.msg}"


LONG_FUNCTION = "/* x */\nint f(void)\n{\n" + "\tg();\n" * 80 + "}\n"

RULES = {
    "arrows": Rule(check_arrows, {
        "src/base/a.c": '#include "repo/pack.h"\n',
        "src/source/volume/a.c": '#include "pipeline/ingest.h"\n',
        "src/report/a.h": '#include "ops/backup.h"\n',
        "src/ops/a.c": '#include "cli/main.h"\n',
        "src/repo/a.c": '#include "pack.h"\n',
        "src/cli/a.c": '#include "api/api_internal.h"\n',
        "src/util/a.c": '#include <stdio.h>\n',
        "include/holdfast/a.h": '#include "base/error.h"\n',
    }),
    "third_party": Rule(check_third_party, {
        "src/repo/a.c": "#include <openssl/evp.h>\n",
        "src/repo/pack.c": "#include <zstd.h>\n",
        "src/ops/a.c": "#  include <jansson.h>\n",
        "src/store/a.c": "#include <libpq-fe.h>\n",
        "src/source/postgres/a.c": "#include <sqlite3.h>\n",
        "src/source/volume/a.c": "#include <archive_entry.h>\n",
        "include/holdfast/a.h": "#include <curl/curl.h>\n",
    }),
    "one_place": Rule(check_one_place, {
        "src/ops/a.c": "void f(void)\n{\n\tif (rename(a, b))\n\t\treturn;\n}\n",
        "src/store/a.c": "\tr = renameat(a, b, c, d);\n",
        "src/repo/a.h": "\treturn fsync(fd);\n",
    }),
    "promises": Rule(check_promises, {
        "src/base/a.c": "/* TO" + "DO: later */\n",
        "README.md": "FIX" + "ME\n",
    }),
    "file_length": Rule(check_file_length, {"src/base/a.c": "\n" * 601}),
    "function_length": Rule(check_function_length, {"src/base/a.c": LONG_FUNCTION}),
    "file_names": Rule(check_file_names, {"src/base/util.c": "\n", "src/repo/common.h": "\n"}),
    "headers": Rule(check_headers, {
        "src/base/a.h": "struct a { size_t n; };\n",
        "include/holdfast/a.h": "static inline void *f(void) { int *p; void *q = 0; p = q; return p; }\n",
    }),
    "shell": Rule(check_shell, {
        "tests/a.sh": "if true; then\n",
        "contrib/a": "#!/bin/bash\necho hello\n",
        "contrib/b": "#!/bin/bash\nset -u\ncd /tmp/a\nrm -rf b\n",
        "contrib/c": "#!/bin/bash\nset -o pipefail\nldd a | grep -q b\n",
        "tests/d": "#!/bin/bash\n. lib/test.sh\na=$(ls | sort | head -1)\n",
    }),
    "tidy": Rule(check_tidy, {
        "src/base/a.c": "int f(int a, int b);\nint f(int a, int b)\n{\n\treturn a + b > 3 && a + b > 3;\n}\n",
        "src/base/b.c": "#include <stdlib.h>\nvoid *f(void *p);\nvoid *f(void *p)\n{\n\treturn realloc(p, sizeof(p));\n}\n"
                        "int g(const char *s);\nint g(const char *s)\n{\n\tif (s);\n\t\treturn 1;\n\treturn 0;\n}\n",
    }),
    "python": Rule(check_python, {"contrib/a.py": "def f(:\n", "contrib/b": "#!/usr/bin/python3\nif\n"}),
}

# What a clean tree has, for the rules to find nothing wrong with.
CLEAN = {
    "src/base/file.c": '#include "base/file.h"\n#include <stdio.h>\n#include <unistd.h>\n\n'
                       'int f(void)\n{\n\treturn fsync(0) + rename("a", "b");\n}\n',
    "src/base/file.h": "#include <stddef.h>\nint f(void); /* like rename(2): hf_file_rename( and x->fsync( are others */\n",
    "src/repo/pack.h": "int hf_file_rename(int);\n",
    "src/ops/restore.c": '#include "base/file.h"\n#include "repo/pack.h"\nstruct s { int (*rename)(int); };\n'
                         'int g(struct s *s);\nint g(struct s *s)\n{\n\treturn hf_file_rename(s->rename(1));\n}\n',
    "src/repo/frame.c": "#include <zstd.h>\n",
    "include/holdfast/holdfast.h": "#include <stddef.h>\nsize_t hf_x(void);\n",
    "contrib/run": "#!/usr/bin/env bash\nset -eu\n",
}


def missed_plants(name):
    """The plants of a rule that it does not find, and what it finds where nothing was planted."""
    rule = RULES[name]
    with tempfile.TemporaryDirectory(prefix="holdfast-lint-") as top:
        def write(path, text):
            os.makedirs(os.path.dirname(os.path.join(top, path)), exist_ok=True)
            with open(os.path.join(top, path), "w", encoding="utf-8") as f:
                f.write(text)
        for path, text in CLEAN.items():
            write(path, text)
        for found in rule.check(Tree(top, CLEAN)):
            yield f"{name} complains about a clean tree: {found}"
        for path, text in rule.plants.items():
            write(path, text)
            if not any(f.startswith(path + ":") for f in rule.check(Tree(top, [*CLEAN, path]))):
                yield f"{name} does not find what was planted in {path}"
            os.remove(os.path.join(top, path))
