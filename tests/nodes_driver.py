"""A run over two nodes of this machine that only ends with its process: `python nodes_driver.py URL`."""

import sys

from tressi.nodes.far import FarCluster
from tressi.nodes.loopback import Loopback
from tressi.run.runner import EndpointRunner

carrier = Loopback(2)
runner = EndpointRunner(
    {"requests": [{"url": sys.argv[1]}], "rps": 200, "workers": 8, "duration": 60}, engine=FarCluster(carrier, processes=1)
)
runner.on("snapshot", lambda _: sys.stdout.write(" ".join(str(one.process.pid) for one in carrier.hosted) + "\n"))
sys.stdout.reconfigure(line_buffering=True)
runner.start()
runner.wait()
