"""report.md and report.json from what the parts measured. Every figure stands beside what it is a figure of.

Medians, with min..max where there is more than one run. Ratios to the relay are taken within a round (the runs stand
next to each other in time); their median is shown. GB is 10^9 bytes, MiB 2^20.
"""

import json
import statistics
from pathlib import Path

from . import plot
from .contenders import HERE, MM2_HEAP, RDKAFKA_SETTINGS

NAMES = {
    "relay": "plain TCP relay",
    "shunt/epoll": "shunt, epoll",
    "shunt/io_uring": "shunt, io_uring",
    "pipe": "librdkafka pipe",
    "mm2": "MirrorMaker 2",
    "mm2 defaults": "MirrorMaker 2, defaults",
    "mm2 tuned": "MirrorMaker 2, tuned",
    "verify": "shunt verify",
    "digest": "Java consumer",
}

METHOD = """\
## What the figures are

- **CPU s/GB**: user + system seconds of the one process, all its threads, for each GB (10^9 bytes) of record batches in
  the source's log. What a contender receives twice or throws away counts against it. *Whole run*: from exec to its end
  (MirrorMaker 2: to the moment the target had every record). *Steady*: between 20 % and 90 % of the records, so that
  start-up and end play no part.
- **to relay**: CPU s/GB divided by the mean of the relay runs before and after it in the same sitting; then the median
  of the rounds. The relay moves the same bytes over loopback, from a program that sends the source's log files with
  sendfile(2), as the broker does, to one that swallows them, through one 1 MiB buffer, recv and send.
- **MM2 is**: steady CPU s/GB of MirrorMaker 2 divided by the whole-run figure of this row (the pipe: its steady
  one).
- **MB/s**: bytes in the source's log by the time of the whole run, or of the steady stretch. Brokers and
  contender share the machine, so this says more about the brokers than about the contender.
- **peak**: VmHWM, the peak of the resident set.
- **first record**: from exec until the target's broker shows the first record to readers. The topic does not exist
  before; the pipe cannot create it and is given it.
- **calls/MB**: system calls of a whole extra run by 10^6 bytes in the source's log; the relay's are its own count.
- Every contender's first copy of each data set was compared with the source record by record by an independent Java
  client (keys, values, headers, timestamps; shunt: offsets and the stored batches too). A difference ends the
  benchmark.
"""


def write(bench, parts):
    """Writes report.json, report.md and plot.svg; the tables as text."""
    if not parts:
        raise RuntimeError(f"{bench.out} holds no results yet")
    copies = {name: part for name, part in parts.items() if part["kind"] == "copy"}
    lines = ["# shunt side by side", ""]
    lines += _machine(parts)
    if copies:
        svg = plot.cpu(
            [(part["data"]["title"], [(NAMES[one], _plotted(part, one)) for one in _contenders(part)])
             for part in copies.values()]
        )  # fmt: skip
        (bench.out / "plot.svg").write_text(svg)
        lines += ["![CPU seconds per GB, each contender and data set](plot.svg)", "", "## Copying a data set", ""]
    for part in copies.values():
        lines += _copy(part)
    lines += _record_size(copies)
    tables = {"latency": _latency, "link": _link, "partitions": _partitions, "verify": _verify, "secure": _secure,
              "holes": _holes}  # fmt: skip
    for part in parts.values():
        if part["kind"] in tables:
            lines += tables[part["kind"]](part)
    tables_only = "\n".join(lines)
    lines += [METHOD]
    lines += _settings()
    (bench.out / "report.md").write_text("\n".join(lines))
    (bench.out / "report.json").write_text(json.dumps(parts, indent=1) + "\n")
    return tables_only + f"\nreport.md, report.json{', plot.svg' if copies else ''}: {bench.out}"


# ---- Figures ---------------------------------------------------------------------------------------------------------


def number(value):
    """Three significant digits, no exponent."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 1 else f"{value:.3f}"


def spread(values):
    """Median (min..max)."""
    values = [value for value in values if value is not None]
    if not values:
        return ""
    middle = number(statistics.median(values))
    return middle if len(values) == 1 else f"{middle} ({number(min(values))}..{number(max(values))})"


def table(head, rows):
    widths = [max(len(str(row[i])) for row in [head, *rows]) for i in range(len(head))]

    def line(cells):
        return "| " + " | ".join(str(cell).ljust(width) for cell, width in zip(cells, widths)) + " |"

    return [line(head), "|" + "|".join("-" * (width + 2) for width in widths) + "|", *map(line, rows), ""]


def _contenders(part):
    found = {run["contender"] for run in part["runs"]}
    return [name for name in NAMES if name in found]


def _runs(part, contender):
    return [run for run in part["runs"] if run["contender"] == contender]


def _steady(part, contender, figure="cpu_per_gb"):
    return [run["steady"][figure] for run in _runs(part, contender) if "steady" in run]


def _plotted(part, contender):
    values = _steady(part, contender) if contender in ("pipe", "mm2") else []
    return statistics.median(values or [run["cpu_per_gb"] for run in _runs(part, contender)])


def _to_relay(part, contender):
    """CPU of each run by that of the relay in its round: the mean of the relay runs before and after it."""
    relay = {run["round"]: run["cpu_per_gb"] for run in _runs(part, "relay")}
    ratios = []
    for run in _runs(part, contender):
        beside = [relay[one] for one in (run["round"], run["round"] + 1) if one in relay]
        if beside:
            ratios.append(run["cpu_per_gb"] / statistics.mean(beside))
    return ratios


# ---- Sections --------------------------------------------------------------------------------------------------------


def _machine(parts):
    lines = []
    first = next(iter(parts.values()))["machine"]
    lines.append(
        f"{first['processors']} processors ({first['cpu']}), {first['memory_bytes'] / 2**30:.0f} GiB, Linux "
        f"{first['kernel']}; everything on loopback: one-broker Kafka {first['kafka']} clusters ({first['java']}), "
        f"contenders and what feeds them share the processors. shunt {first['shunt']}, {first['date']}."
    )
    if any(part["quick"] for part in parts.values()):
        lines.append("**Parts of this were measured with --quick: too little data to prove anything.**")
    busy = [name for name, part in parts.items() if part["machine"]["load_average_before"] > 2 * first["processors"]]
    if busy:
        lines.append(f"The machine was busy with other work before: {', '.join(busy)}.")
    return [*lines, ""]


def _copy(part):
    data = part["data"]
    calls = part.get("system_calls", {})
    mm2 = _steady(part, "mm2")
    rows = []
    for one in _contenders(part):
        runs = _runs(part, one)
        steady = _steady(part, one) if one in ("pipe", "mm2") else []
        own = steady or [run["cpu_per_gb"] for run in runs]
        factor = number(statistics.median(mm2) / statistics.median(own)) + " x" if mm2 and one != "mm2" else ""
        rows.append([
            f"{NAMES[one]} ({len(runs)})",
            spread([run["cpu_per_gb"] for run in runs]),
            spread(steady),
            spread(_to_relay(part, one)) if one.startswith("shunt") else "",
            factor,
            spread(_steady(part, one, "mb_per_second") or [run["mb_per_second"] for run in runs]),
            f"{number(max(run['peak_bytes'] for run in runs) / 2**20)} MiB",
            spread([run.get("first_record_seconds") for run in runs]),
            number(_relay_calls(runs, data)) if one == "relay" else number(calls[one]) if one in calls else "",
        ])  # fmt: skip
    head = ["contender (runs)", "CPU s/GB, whole run", "steady", "to relay", "MM2 is", "MB/s", "peak",
            "first record, s", "calls/MB"]  # fmt: skip
    lines = [
        f"### {data['title']}",
        "",
        f"{data['records']:,} records, {data['log_bytes'] / 1e6:,.0f} MB in the source's log, {data['partitions']} "
        f"partitions; batches of {data['batch_bytes']:,} bytes and {data['records_a_batch']:,} records on average.",
        "",
        *table(head, rows),
    ]
    return [*lines, f"System calls: {calls['how']}.", ""] if calls.get("how") else lines


def _relay_calls(runs, data):
    return statistics.median(run["calls"] for run in runs) / (data["log_bytes"] / 1e6)


def _record_size(copies):
    small, big = copies.get("records-100b"), copies.get("records-10k")
    if not small or not big:
        return []
    rows = []
    for one in _contenders(small):
        if _runs(big, one):
            rows.append([NAMES[one], number(_plotted(small, one)), number(_plotted(big, one)),
                         number(_plotted(small, one) / _plotted(big, one))])  # fmt: skip
    head = ["contender", "100-byte records, CPU s/GB", "10 KB records, CPU s/GB", "ratio"]
    return ["### What small records cost, at equal batch sizes", "", *table(head, rows)]


def _latency(part):
    rows = []
    for one in _contenders(part):
        runs = _runs(part, one)
        rows.append([
            f"{NAMES[one]} ({len(runs)})",
            *(spread([run[side][figure] for run in runs])
              for side in ("target", "source") for figure in ("p50_ms", "p99_ms")),
            spread([run["target"]["p99_ms"] / run["source"]["p99_ms"] for run in runs]),
            spread([run["cpu_share"] for run in runs]),
        ])  # fmt: skip
    head = ["contender (runs)", "target p50, ms", "target p99, ms", "source p50, ms", "source p99, ms",
            "p99 to source's", "cores used"]  # fmt: skip
    return [
        "## Latency, end to end",
        "",
        f"{part['rate']:,} records a second of {part['record_bytes']:,} bytes into one partition, {part['seconds']} s "
        "after a warm-up, from the moment a record was due to be sent to its arrival at a consumer on the target; beside "
        "it a consumer on the source in the same process. Cores used: CPU of the contender by time, in the same stretch.",
        "",
        *table(head, rows),
    ]


def _link(part):
    lines = [f"## One partition over a link of {part['round_trip_ms']} ms round trip", ""]
    for data in part["data"]:
        rows = []
        runs_here = [run for run in part["runs"] if run["data"] == data["name"]]
        for one in _contenders({"runs": runs_here}):
            runs = _runs({"runs": runs_here}, one)
            how = "whole data set" if all(run["complete"] for run in runs) else "cut off by time"
            rows.append([f"{NAMES[one]} ({len(runs)})", spread([run["mb_per_second"] for run in runs]),
                         spread([run["first_record_seconds"] for run in runs]), how])  # fmt: skip
        lines += [
            f"### {data['title']}: {data['log_bytes'] / 1e6:,.0f} MB, batches of {data['batch_bytes']:,} bytes",
            "",
            *table(["contender (runs)", "MB/s", "first record, s", "measured over"], rows),
        ]
    return lines


def _partitions(part):
    rows = []
    for one in _contenders(part):
        runs = _runs(part, one)
        rows.append([f"{NAMES[one]} ({len(runs)})", spread([run["peak_bytes"] / 2**20 for run in runs]),
                     spread([run["first_record_seconds"] for run in runs]),
                     spread([run["all_seconds"] for run in runs])])  # fmt: skip
    return [
        f"## {part['data']['partitions']:,} partitions",
        "",
        f"{part['data']['records']:,} records, {part['data']['log_bytes'] / 1e6:,.0f} MB; the target topic is created "
        "by the contender. Peak includes shunt.buffer.memory (32 MiB by default).",
        "",
        *table(["contender (runs)", "peak, MiB", "first record, s", "all records, s"], rows),
    ]


def _verify(part):
    lines = [
        "## shunt verify",
        "",
        "CPU of the whole run, start included, for each GB it reads: shunt reads source and target, the Java consumer reads "
        "the source alone and hashes every record.",
        "",
    ]
    for data in part["data"]:
        here = {"runs": [run for run in part["runs"] if run["data"] == data["name"]]}
        rows = []
        middle = {one: statistics.median(run["cpu_per_gb"] for run in _runs(here, one)) for one in _contenders(here)}
        for one, cpu in middle.items():
            own = _runs(here, one)
            factor = number(middle["digest"] / cpu) + " x" if one == "verify" and "digest" in middle else ""
            rows.append([f"{NAMES[one]} ({len(own)})", spread([run["cpu_seconds"] for run in own]),
                         spread([run["cpu_per_gb"] for run in own]), factor,
                         spread([run["seconds"] for run in own]),
                         f"{number(max(run['peak_bytes'] for run in own) / 2**20)} MiB"])  # fmt: skip
        lines += [
            f"### {data['title']}: {data['records']:,} records, {data['log_bytes'] / 1e6:,.0f} MB a side",
            "",
            *table(["reader (runs)", "CPU, s", "CPU s/GB read", "Java consumer is", "seconds", "peak"], rows),
        ]
    return lines


def _secure(part):
    cipher = statistics.median(part["cipher_seconds_a_gb"])
    lines = [
        "## SASL_SSL on both sides",
        "",
        f"CPU s/GB of the whole run (MirrorMaker 2: its steady stretch). {part['cipher'].upper()}, alone, on this machine: "
        f"{spread(part['cipher_seconds_a_gb'])} CPU s/GB (`openssl speed`), and every byte is decrypted once and encrypted "
        "once. To the sum: SASL_SSL divided by plain text and twice the cipher.",
        "",
    ]
    starts = part.get("start_cpu_seconds", {})  # not in results of older versions
    if starts.get("PLAINTEXT"):
        told = [f"{spread([1000 * seconds for seconds in starts[protocol]])} ms" for protocol in starts]
        lines += [f"A run that copies nothing takes {told[0]} of CPU in plain text and {told[1]} with SASL_SSL "
                  "(certificates, handshakes); every figure has that in it.", ""]  # fmt: skip
    for data in part["data"]:
        here = {"runs": [run for run in part["runs"] if run["data"] == data["name"]]}
        rows = []
        for one in _contenders(here):
            runs = _runs(here, one)
            plain, secured = ([run["cpu_per_gb"] for run in runs if (run["protocol"] == "PLAINTEXT") == is_plain]
                              for is_plain in (True, False))  # fmt: skip
            factor = number(statistics.median(secured) / (statistics.median(plain) + 2 * cipher)) if plain else ""
            rows.append([f"{NAMES[one]} ({len(secured)})", spread(plain), spread(secured), factor,
                         f"{number(max(run['peak_bytes'] for run in runs) / 2**20)} MiB"])  # fmt: skip
        lines += [
            f"### {data['title']}: {data['records']:,} records, {data['log_bytes'] / 1e6:,.0f} MB",
            "",
            *table(["contender (runs)", "plain text", "SASL_SSL", "to the sum", "peak"], rows),
        ]
    return lines


def _holes(part):
    rows = []
    for one in _contenders(part):
        runs = _runs(part, one)
        rows.append([f"{NAMES[one]} ({len(runs)})", f"{runs[0]['records']:,}", f"{runs[0]['holes']:,}",
                     spread([run["seconds"] for run in runs]),
                     spread([run["cpu_seconds"] for run in runs])])  # fmt: skip
    return [
        "## A compacted topic",
        "",
        f"One partition of {part['log_end']:,} offsets, of which most have no record any more; all of them keep theirs.",
        "",
        *table(["contender (runs)", "records", "offsets filled", "seconds", "CPU, s"], rows),
    ]


def _settings():
    def quoted(name):
        text = Path(HERE / name).read_text().rstrip()
        return [f"### {name.removesuffix('.in')}", "", "```properties", text, "```", ""]

    return [
        "## Settings",
        "",
        f"MirrorMaker 2 runs with a heap of {MM2_HEAP} and the JVM flags of Kafka's start scripts (G1). The codec is "
        "the data set's, tasks.max is 2; for latency linger.ms is 0 and fetch.min.bytes 1, otherwise 50 and 1 MiB.",
        "",
        *quoted("mm2-tuned.properties.in"),
        *quoted("mm2-defaults.properties.in"),
        *quoted("shunt.properties.in"),
        "### librdkafka pipe",
        "",
        "```",
        *RDKAFKA_SETTINGS,
        "```",
        "",
    ]
