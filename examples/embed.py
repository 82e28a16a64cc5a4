"""A gevent application that tests a service and goes on serving meanwhile: its own greenlets keep their pace.

Run it as it is: it starts the embedded target, loads it for two seconds and answers a request of its own in the middle.
"""

from urllib.request import urlopen

import gevent
from gevent.pywsgi import WSGIServer

from tressi import EndpointRunner
from tressi.testing.target import Target


def application(environ, start_response):
    """The application's own page."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"still here, asked for {environ['PATH_INFO']}\n".encode()]


def main():
    """Serve, run, watch, and ask ourselves while the run is under way."""
    server = WSGIServer(("127.0.0.1", 0), application, log=None)
    server.start()
    with Target() as target:
        runner = EndpointRunner(
            {
                "baseUrl": target,
                "duration": 2,
                "workers": 8,
                "requests": [{"url": "/fast", "autoscale": {"enabled": True, "targetRps": 300}}],
            }
        )
        runner.on("snapshot", lambda moment: print(f"{moment.t:.0f} s: {moment.endpoints[0].current_rps:.0f} RPS"))
        runner.on("scaling", lambda decision: print(f"{decision.action} to {decision.worker_count}: {decision.reason}"))
        runner.start()
        # urlopen would block the hub: a thread of gevent's pool asks instead.
        answer = gevent.get_hub().threadpool.apply(lambda: urlopen(f"http://127.0.0.1:{server.server_port}/me").read())
        print(answer.decode().strip())
        summary = runner.summary()
    server.stop()
    print(f"{summary['global']['requestsMade']} requests, {summary['global']['requestsFailed']} failed")


if __name__ == "__main__":
    main()
