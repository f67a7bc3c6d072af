"""The plot: horizontal bars on a logarithmic scale, one group a data set, one bar a contender. Plain SVG that follows
the reader's light or dark setting.
"""

import math
from html import escape

WIDTH = 860
LABEL_WIDTH = 150
BAR_HEIGHT = 15
BAR_STEP = 19
GROUP_HEAD = 26
GROUP_GAP = 14
TOP = 58
BOTTOM = 34
VALUE_ROOM = 60

STYLE = """
  text { font: 12px system-ui, sans-serif; fill: #24292f; }
  .title { font-size: 15px; font-weight: 600; }
  .group { font-weight: 600; }
  .quiet { fill: #57606a; font-size: 11px; }
  .grid { stroke: #d0d7de; stroke-width: 1; }
  .paper { fill: #ffffff; }
  .shunt { fill: #0969da; }
  .floor { fill: #8c959f; }
  .other { fill: #d4853a; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .quiet { fill: #9198a1; }
    .grid { stroke: #3d444d; }
    .paper { fill: #0d1117; }
    .shunt { fill: #4493f8; }
    .floor { fill: #656c76; }
    .other { fill: #db8f4a; }
  }
"""


def cpu(groups):
    """groups: [(title, [(contender's name, CPU s/GB)])]; the SVG's text."""
    values = [value for _, bars in groups for _, value in bars if value > 0]
    low = 10 ** math.floor(math.log10(min(values)))
    high = 10 ** math.ceil(math.log10(max(values) * 1.01))
    room = WIDTH - LABEL_WIDTH - VALUE_ROOM

    def x(value):
        return LABEL_WIDTH + room * (math.log10(value) - math.log10(low)) / (math.log10(high) - math.log10(low))

    body = []
    y = TOP
    for title, bars in groups:
        body.append(f'<text class="group" x="{LABEL_WIDTH}" y="{y + 16}">{escape(title)}</text>')
        y += GROUP_HEAD
        for name, value in bars:
            kind = "shunt" if name.startswith("shunt") else "floor" if "relay" in name else "other"
            end = x(max(value, low))
            body.append(f'<text x="{LABEL_WIDTH - 8}" y="{y + 12}" text-anchor="end">{escape(name)}</text>')
            body.append(
                f'<rect class="{kind}" x="{LABEL_WIDTH}" y="{y}" width="{max(1.0, end - LABEL_WIDTH):.1f}" '
                f'height="{BAR_HEIGHT}" rx="2"/>'
            )
            body.append(f'<text x="{end + 6:.1f}" y="{y + 12}">{value:.2f}</text>')
            y += BAR_STEP
        y += GROUP_GAP
    height = y + BOTTOM - GROUP_GAP
    grid = []
    for power in range(round(math.log10(low)), round(math.log10(high)) + 1):
        at = x(10.0**power)
        grid.append(f'<line class="grid" x1="{at:.1f}" y1="{TOP}" x2="{at:.1f}" y2="{height - BOTTOM}"/>')
        grid.append(
            f'<text class="quiet" x="{at:.1f}" y="{height - BOTTOM + 16}" text-anchor="middle">{10.0**power:g}</text>'
        )
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        'role="img" aria-label="CPU seconds per GB mirrored">',
        f"<style>{STYLE}</style>",
        f'<rect class="paper" width="{WIDTH}" height="{height}"/>',
        f'<text class="title" x="{LABEL_WIDTH}" y="24">CPU seconds per GB mirrored (logarithmic; less is better)'
        "</text>",
        f'<text class="quiet" x="{LABEL_WIDTH}" y="42">medians; MirrorMaker 2 and the pipe in steady state, shunt and '
        "relay over the whole run</text>",
        *grid,
        *body,
        "</svg>",
        "",
    ])  # fmt: skip
