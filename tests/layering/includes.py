"""Checks every #include "..." of every layer: it must name the layer itself or a lower one, and a file that exists."""

import re
import sys
from pathlib import Path

from layers import LAYERS, allowed, sources

INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.MULTILINE)


def main(root):
    wrong = []
    files = 0
    for layer in LAYERS:
        for path in sources(root, layer):
            files += 1
            for name in INCLUDE.findall(path.read_text()):
                where = f'{path.relative_to(root)}: #include "{name}"'
                if name.split("/")[0] not in allowed(layer):
                    wrong.append(f"{where}: {layer} may include only {', '.join(allowed(layer))}")
                elif not (Path(root) / name).is_file():
                    wrong.append(f'{where}: no such file; name it from the top, as "{layer}/..."')
    print("\n".join(wrong) or f"{files} files, every include is downward")
    return 1 if wrong or not files else 0


sys.exit(main(Path(sys.argv[1])))
