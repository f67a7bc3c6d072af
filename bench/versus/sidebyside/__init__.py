"""The side-by-side of shunt with MirrorMaker 2, a librdkafka pipe and a plain TCP relay. The command line is ../run.

    bench.py        what every part shares: options, paths, the two clusters
    loads.py        the data sets and how they get onto the source
    contenders.py   how each contender is started, with its settings
    watch.py        a contender at work: CPU, memory, calls, progress as the target shows it
    log_ends.py     the log ends of a topic, asked of the broker itself
    copy_part.py latency_part.py link_part.py partitions_part.py   the parts, each measures and returns plain data
    report.py       report.md and report.json from that data; plot.py the SVG
"""
