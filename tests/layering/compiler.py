"""compiler.py CXX ROOT LAYER INCLUDE_DIRS: with the include directories LAYER is built with, its own header is found
and no header of a layer above is."""

import subprocess
import sys
from pathlib import Path

from layers import LAYERS, allowed, sources


def found(compiler, directories, header):
    """Whether the preprocessor finds the header at all; what is in it does not matter."""
    program = f'#if !__has_include("{header}")\n#error absent\n#endif\n'
    command = [compiler, "-x", "c++", "-std=c++20", "-E", "-o", "/dev/null", *(f"-I{one}" for one in directories), "-"]
    return subprocess.run(command, input=program, text=True, capture_output=True).returncode == 0


def main(compiler, root, layer, directories):
    directories = [one for one in directories.split(";") if one]
    wrong = []
    for other in LAYERS:
        header = next((str(path.relative_to(root)) for path in sources(root, other) if path.suffix == ".h"), None)
        if header and found(compiler, directories, header) != (other in allowed(layer)):
            reached = "cannot include" if other in allowed(layer) else "can include"
            wrong.append(f"{layer} {reached} {header}; its include directories: {' '.join(directories)}")
    print("\n".join(wrong) or f"{layer} reaches {', '.join(allowed(layer))} and nothing above")
    return 1 if wrong else 0


sys.exit(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3], sys.argv[4]))
