"""rescue_embed.py OUT FILE...: writes the files as C arrays, for rescue.h."""
import os
import sys


def main():
    out, paths = sys.argv[1], sys.argv[2:]
    lines = ['/* Made by rescue_embed.py. */', '#include "ops/rescue.h"', ""]
    table = []
    for number, path in enumerate(sorted(paths, key=os.path.basename)):
        with open(path, "rb") as f:
            data = f.read()
        lines.append(f"static const unsigned char file_{number}[] = {{")
        for at in range(0, len(data), 24):
            lines.append("\t" + "".join(f"{b}," for b in data[at:at + 24]))
        lines.append("\t0 /* so that it is never empty */\n};")
        table.append(f'\t{{"{os.path.basename(path)}", file_{number}, sizeof(file_{number}) - 1}},')
    lines += ["", "const struct hf_rescue_file hf_rescue_files[] = {", *table, "\t{0},", "};", ""]
    with open(out, "w", encoding="ascii") as f:
        f.write("\n".join(lines))


main()
