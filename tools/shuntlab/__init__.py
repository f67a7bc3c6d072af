"""Real Apache Kafka clusters on loopback, for tests, benchmarks and people.

    from shuntlab import Cluster
    with Cluster("source", brokers=3) as source:
        source.create_topic("orders", partitions=8, replication=3)
        source.broker(2).kill()       # SIGKILL
        source.broker(2).restart()
        print(source.bootstrap)

The command line is tools/lab.
"""

from .cluster import Broker, Cluster, lab_dir
from .errors import LabError
from .jars import DEFAULT_VERSION, classpath, java

__all__ = ["Broker", "Cluster", "DEFAULT_VERSION", "LabError", "classpath", "java", "lab_dir"]
