"""The layers, lowest first, and what each may include."""

from pathlib import Path

LAYERS = ["protocol", "sasl", "net", "replicate", "tools"]


def allowed(layer):
    return LAYERS[: LAYERS.index(layer) + 1]


def sources(root, folder):
    return sorted(path for suffix in ("*.h", "*.cc") for path in (Path(root) / folder).rglob(suffix))
