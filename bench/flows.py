"""What a flow costs: CPU for each request beside static requests, memory of a user who thinks, and other tools on the same job.

python -m bench.flows [--part cost memory peers] [--pairs 5] [--seconds 3] [--users 10000] [--peers FOLDER]

The job is a login whose answer is JSON with a token and whose cookie is kept, an item that is looked at with the token, and a
purchase with a JSON body. nginx answers on core 0, the rest runs on core 1. `cost` is CPU of the engine for each request of 64
users without pauses, beside the same three requests as endpoints without anything that varies; 1.3 at most is asked for.
`memory` is what the process grows by for each of many users who pause for 10 s; 8 KiB at most. `peers` is requests for each
second of CPU of all of the tool's processes, as nginx has counted them; 8 times k6 and 12 times Locust are asked for. FOLDER
has the programs k6 and locust.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from bench.measure import machine, spread, summary_of
from bench.servers import free_port, start_nginx

if TYPE_CHECKING:
    from collections.abc import Iterator

SERVER_CORE, CLIENT_CORE = 0, 1
USERS: Final = 64
COST_ASKED: Final = 1.3
PEER_ASKED: Final = {"k6": 8, "locust": 12}
TOKEN: Final = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI0NzExIn0.c2lnbmF0dXJl"
_CONFIG: Final = """
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log /dev/null;
events {{ worker_connections 16384; multi_accept on; }}
http {{
  access_log off; keepalive_requests 1000000000; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{
    listen 127.0.0.1:{port} backlog=16384;
    location = /login {{ add_header Set-Cookie "sid=0123456789abcdef; Path=/; HttpOnly"; default_type application/json;
      return 200 '{{"user":{{"id":4711}},"access_token":"{token}","expires_in":3600}}'; }}
    location /items/ {{ default_type application/json; return 200 '{{"id":7,"name":"a thing","price":9.5}}'; }}
    location = /cart {{ default_type application/json; return 200 '{{"ok":true}}'; }}
    location = /count {{ stub_status; }}
  }}
}}
"""
_K6: Final = """
import http from 'k6/http';
export const options = {{ vus: {users}, duration: '{seconds}s' }};
const json = {{ 'Content-Type': 'application/json' }};
export default function () {{
  const said = http.post('{url}/login', JSON.stringify({{ user: 'ann', password: 'a' }}), {{ headers: json }});
  const auth = {{ Authorization: `Bearer ${{said.json('access_token')}}`, 'Content-Type': 'application/json' }};
  http.get('{url}/items/7', {{ headers: auth }});
  http.post('{url}/cart', JSON.stringify({{ item: 7 }}), {{ headers: auth }});
}}
"""
_LOCUST: Final = """
from locust import FastHttpUser, task

class Shopper(FastHttpUser):
    @task
    def shop(self):
        with self.client.post("/login", json={"user": "ann", "password": "a"}) as said:
            auth = {"Authorization": "Bearer " + said.json()["access_token"]}
        self.client.get("/items/7", headers=auth)
        self.client.post("/cart", json={"item": 7}, headers=auth)
"""


@contextmanager
def shop() -> Iterator[str]:
    """Run the shop until the block ends; its address."""
    with tempfile.TemporaryDirectory(prefix="tressi-bench-") as folder:
        port = free_port()
        process = start_nginx(folder, _CONFIG.format(folder=folder, port=port, token=TOKEN), SERVER_CORE)
        url = f"http://127.0.0.1:{port}"
        try:
            for _ in range(100):
                try:
                    count(url)
                    break
                except OSError:
                    time.sleep(0.05)
            yield url
        finally:
            process.terminate()
            process.wait(10)


def count(url: str) -> int:
    """How many requests nginx has answered."""
    with urllib.request.urlopen(f"{url}/count", timeout=5) as answer:
        return int(answer.read().split(b"\n")[2].split()[2])


def requests_of(url: str, token: str) -> list[dict[str, Any]]:
    """The three requests of the job."""
    auth = {"Authorization": f"Bearer {token}"}
    return [
        {"name": "login", "url": f"{url}/login", "method": "POST", "payload": {"user": "ann", "password": "a"}},
        {"name": "item", "url": f"{url}/items/7", "headers": auth},
        {"name": "buy", "url": f"{url}/cart", "method": "POST", "headers": auth, "payload": {"item": 7}},
    ]


def flowing(url: str, *, users: int = USERS, think_s: float = 0.0) -> dict[str, Any]:
    """The job as a flow of so many users."""
    login = {"request": "login", "extract": {"token": {"json": "$.access_token"}}}
    steps = [login, {"request": "item"}, {"request": "buy"}, *([{"think": think_s}] if think_s else [])]
    flow = {"name": "shop", "workers": users, "cookies": True, "steps": steps}
    return {"requests": requests_of(url, "{{token}}"), "flows": [flow]}


def static(url: str) -> dict[str, Any]:
    """The same requests as endpoints, with the cookie in each."""
    requests = requests_of(url, TOKEN)
    for one in requests[1:]:
        one["headers"]["Cookie"] = "sid=0123456789abcdef"
    return {"requests": requests, "workers": USERS}


def cost(url: str, pairs: int, seconds: int) -> None:
    """Print CPU for each request, flow and static, in pairs."""
    found = []
    with tempfile.TemporaryDirectory() as name:
        for number in range(pairs):
            both = [flowing(url), static(url)]
            costs = {
                kind: _cpu_us(Path(name, "config.json"), both[kind], seconds) for kind in ((0, 1) if number % 2 else (1, 0))
            }
            found.append((costs[0], costs[1]))
    ratios = [mine / bare for mine, bare in found]
    mine_us, bare_us = (median(side) for side in zip(*found, strict=True))
    verdict = "kept" if median(ratios) <= COST_ASKED else f"above {COST_ASKED}"
    print(
        f"cost    flow / static {spread(ratios)}  {mine_us:.2f} / {bare_us:.2f} µs of CPU for a request  {verdict}", flush=True
    )


def _cpu_us(file: Path, document: dict[str, Any], seconds: int) -> float:
    summary = summary_of(file, {**document, "duration": seconds}, "--processes", "1", core=CLIENT_CORE)
    made = summary["global"]["requestsMade"]
    if summary["global"]["requestsFailed"]:
        sys.exit(f"requests failed: {summary['global']['errors']}")
    return float(summary["generator"]["cpuPercent"] / 100 * summary["durationSec"] / made * 1e6)


def memory(url: str, users: int) -> None:
    """Print by how much the engine's process grows for each user who pauses."""
    code = (
        "import json, sys, resource, gevent\n"
        "from tressi import load_config\n"
        "from tressi.load.engine import LocalEngine\n"
        "from tressi.load.plan import make_plan, uses_of\n"
        "from tressi.load.tables import load_tables\n"
        "from tressi.model import PoolId\n"
        "def kib():\n"
        "    return int(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('RssAnon')))\n"
        "config = load_config(json.loads(sys.stdin.read()))\n"
        "engine = LocalEngine()\n"
        "before = kib()\n"
        "engine.build(make_plan(config, {PoolId(0): config.flows[0].workers}, load_tables(uses_of(config))))\n"
        "engine.go()\n"
        "users = config.flows[0].workers\n"
        "while engine.read().flows['flow shop'].in_flight < users or sum(\n"
        "    one.requests_made for one in engine.read().endpoints.values()) < 3 * users:\n"
        "    gevent.sleep(0.05)\n"
        "gevent.sleep(0.5)\n"
        "turns = resource.getrusage(resource.RUSAGE_SELF).ru_nvcsw\n"
        "gevent.sleep(2)\n"
        "print(json.dumps({'kib': (kib() - before) / users, 'switches': (resource.getrusage(0).ru_nvcsw - turns) / 2}))\n"
        "engine.stop(0)\n"
    )
    document = {**flowing(url, users=users, think_s=10.0), "duration": 600, "timeout": 60}
    done = subprocess.run([sys.executable, "-c", code], input=json.dumps(document), capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    found = json.loads(done.stdout)
    print(
        f"memory  {users:,} users who think: {found['kib']:.2f} KiB each, {found['switches']:.0f} wakes of the process a second"
    )


def peers(url: str, folder: str, seconds: int) -> None:
    """Print requests for each second of CPU of k6, Locust and tressi."""
    with tempfile.TemporaryDirectory() as name:
        here = Path(name)
        (here / "k6.js").write_text(_K6.format(url=url, users=USERS, seconds=seconds), encoding="ascii")
        (here / "locustfile.py").write_text(_LOCUST, encoding="ascii")
        (here / "flow.json").write_text(json.dumps({**flowing(url), "duration": seconds}), encoding="ascii")
        commands = {
            "tressi": [sys.executable, "-m", "tressi", "flow.json", "--quiet", "--processes", "1"],
            "k6": [f"{folder}/k6", "run", "--quiet", "--no-usage-report", "--no-summary", "k6.js"],
            "locust": [
                *(f"{folder}/locust", "--headless", "--only-summary", "--host", url, "-u", str(USERS), "-r", str(USERS)),
                *("-t", f"{seconds}s", "-f", "locustfile.py"),
            ],
        }
        rates = {tool: _rate(url, command, here) for tool, command in commands.items() if Path(command[0]).exists()}
    for tool, rate in rates.items():
        times = rates["tressi"] / rate
        asked = f"  {'kept' if times >= PEER_ASKED[tool] else f'below {PEER_ASKED[tool]}'}" if tool in PEER_ASKED else ""
        print(f"peers   {tool:7} {rate:9,.0f} requests for a second of CPU, tressi {times:.1f} times that{asked}", flush=True)


def _rate(url: str, command: list[str], folder: Path) -> float:
    before, spent = count(url), resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    subprocess.run(
        ["taskset", "-c", str(CLIENT_CORE), *command],
        cwd=folder,
        env=environment,
        capture_output=True,
        check=False,
        timeout=120,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (count(url) - before) / (after.ru_utime + after.ru_stime - spent.ru_utime - spent.ru_stime)


def main() -> None:
    """Run the parts that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", nargs="+", choices=("cost", "memory", "peers"), default=["cost", "memory"])
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--users", type=int, default=10_000)
    parser.add_argument("--peers", default="", help="the folder with the programs of the other tools")
    arguments = parser.parse_args()
    print(machine())
    with shop() as url:
        if "cost" in arguments.part:
            cost(url, arguments.pairs, arguments.seconds)
        if "memory" in arguments.part:
            memory(url, arguments.users)
        if "peers" in arguments.part:
            peers(url, arguments.peers, arguments.seconds)


if __name__ == "__main__":
    main()
