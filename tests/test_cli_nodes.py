"""`tressi nodes`, the flags of a run over several machines, and each node's share: without a cluster."""

import json
from dataclasses import replace

import pytest

from tressi.cli import main
from tressi.cli.nodes import UNGUARDED, document, text
from tressi.cli.shares import shares
from tressi.config.load import load_config
from tressi.nodes import ray_carrier
from tressi.nodes.carrier import CarrierError, NodeFacts
from tressi.nodes.clocks import Clock
from tressi.nodes.ray_carrier import RayNode, Sight, faults_of, minor, usable
from tressi.version import __version__

pytestmark = pytest.mark.pure

FACTS = NodeFacts("gen-1", "10.0.0.1", 8, 7, 2**35, 65536, 0, "3.12.4", __version__)
GOOD = RayNode(
    address="10.0.0.1",
    cpus=8.0,
    ray="2.60.0",
    python=ray_carrier.platform.python_version(),
    tressi=__version__,
    token=True,
    facts=FACTS,
    fault=None,
    clock=Clock(5_000_000, 250_000, 0),
)
BARE = replace(GOOD, address="10.0.0.2", tressi="", facts=None, fault="it has no tressi that could be used", clock=None)


def sight(*nodes, token=True, idle=()):
    return Sight(tuple(nodes), tuple(idle), "2.60.0", token)


def found(*nodes, **how):
    """What `tressi nodes` makes of a cluster."""
    seen = sight(*nodes, **how)
    return document("auto", seen, [faults_of(node, seen.ray) for node in seen.nodes])


def test_a_cluster_for_people():
    """A row a node; what keeps one from taking part, and what makes no load, stand below; the engines are of the usable."""
    lines = text(found(GOOD, BARE, idle=["head (10.0.0.9)"])).splitlines()

    assert lines[0].split() == ["node", "cores", "engines", "memory", "descriptors", "nice", "clock", "tressi", "Ray", "Python"]
    assert lines[1].split()[:9] == ["gen-1", "(10.0.0.1)", "8", "7", "32.0", "GiB", "65,536", "0", "±0.25"]
    assert lines[2].split()[-3:] == ["none", "2.60.0", GOOD.python]
    assert lines[4:] == [
        f"10.0.0.2: it has no tressi that could be used; install tressi {__version__} there, with its extra: tressi[cluster]",
        "head (10.0.0.9) has no CPU for Ray, and makes no load",
        "2 nodes with 7 engines, with a token",
    ]


def test_a_cluster_for_programs():
    """Figures in milliseconds and bytes; what is not known is null."""
    first, second = found(GOOD, BARE)["nodes"]

    assert (first["clockOffsetMs"], first["clockBoundMs"], first["memoryBytes"]) == (5.0, 0.25, 2**35)
    assert (first["cores"], first["raysCpus"], first["engines"], first["faults"]) == (8, 8.0, 7, [])
    assert (second["name"], second["cores"], second["clockBoundMs"], second["tressi"]) == (None,) * 4
    assert len(second["faults"]) == 1


@pytest.mark.parametrize(
    ("facts", "clock", "said"),
    [
        ({"nice": 15}, {}, "its engines run at nice 15"),
        ({"descriptors": 1024}, {}, "1,024 open files are allowed"),
        ({"cores": 4}, {}, "Ray counts 8 CPUs there, and it has 4 cores"),
        ({}, {"bound_ns": 30_000_000}, "its clock is known to 30 ms only"),
        ({}, {"wall_ahead_ns": -90_000_000}, "its wall clock is 90 ms behind"),
    ],
)
def test_what_would_spoil_a_nodes_part_is_warned_of(facts, clock, said):
    """Each by itself, with the node's name and the figure."""
    node = replace(GOOD, facts=replace(FACTS, **facts), clock=replace(GOOD.clock, **clock))
    (warning,) = found(node)["warnings"]
    assert warning.startswith("gen-1 (10.0.0.1): ")
    assert said in warning


def test_a_cluster_without_a_token_is_warned_of():
    """That is everybody's cluster."""
    assert found(GOOD, token=False)["warnings"] == [UNGUARDED]


@pytest.mark.parametrize(
    ("different", "said"),
    [
        ({"tressi": "9.9.9"}, f"it has tressi 9.9.9, and this machine {__version__}"),
        ({"ray": "2.54.0"}, "it has Ray 2.54.0, and this machine 2.60.0"),
        ({"python": "3.99.1"}, f"it has Python 3.99, and this machine {minor(GOOD.python)}"),
    ],
)
def test_another_version_is_refused_with_its_node(different, said):
    """Each of the three must be the same, of Python its minor version; the node is named."""
    other = replace(GOOD, address="10.0.0.3", facts=replace(FACTS, name="gen-3"), **different)
    with pytest.raises(CarrierError) as refused:
        usable(sight(GOOD, other))
    assert str(refused.value) == f"gen-3 (10.0.0.3): {said}"


def test_a_patch_of_python_may_differ():
    """Bytecode is the same in all of a minor version."""
    assert faults_of(replace(GOOD, python=f"{minor(GOOD.python)}.99"), "2.60.0") == []


def test_fewer_nodes_than_asked():
    """Both numbers are said."""
    with pytest.raises(CarrierError, match=r"^asked 3 nodes, 1 is there$"):
        usable(sight(GOOD), 3)


def test_shares_add_up_to_the_run():
    """Workers to the worker, rates to the rate, and an engine more has a worker more."""
    own = {"enabled": True, "targetRps": 100, "maxWorkers": 10, "initialWorkers": 10}
    config = load_config({"workers": 12, "requests": [{"url": "http://a.test/", "autoscale": own}, {"url": "http://b.test/"}]})
    parts = shares(config, [("one", 3), ("two", 1)])

    assert [part["name"] for part in parts] == ["one", "two"]
    assert sum(part["workers"] for part in parts) == 22
    assert sum(part["targetRps"] for part in parts) == pytest.approx(100)
    assert parts[0]["targetRps"] == pytest.approx(80)


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--nodes", "3"], "--nodes: this is for a run on several machines, which --cluster asks for"),
        (["--lease", "2"], "--lease: this is for a run on several machines, which --cluster asks for"),
        (["--nodes", "0", "--cluster", "auto"], "'0' is neither a count of 1 or more nor all"),
        (["--lease", "0.1", "--cluster", "auto"], "'0.1' is not 0.5 to 60 seconds"),
        (["--nodes-wait", "-1", "--cluster", "auto"], "'-1' is less than 0 seconds"),
    ],
)
@pytest.mark.parametrize("command", ["run", "validate"])
def test_flags_that_cannot_be_are_refused(command, flags, said, capsys, tmp_path):
    """Before anything is started, as bad input."""
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"requests": [{"url": "http://a.test/"}], "rps": 1}))
    assert main([command, str(file), *flags]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("command", ["run CONFIG --cluster auto", "validate CONFIG --cluster auto", "nodes"])
def test_without_ray_it_is_said_what_to_install(command, monkeypatch, capsys, tmp_path):
    """As bad input, and nothing else is said."""
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"requests": [{"url": "http://a.test/"}], "rps": 1}))
    monkeypatch.setattr(ray_carrier, "find_spec", lambda _: None)
    assert main([str(file) if one == "CONFIG" else one for one in command.split()]) == 2
    assert capsys.readouterr().err == "tressi: --cluster needs Ray: pip install tressi[cluster]\n"


class Carrier:
    """A carrier that sees what it is given."""

    seen = None

    def __init__(self, address):
        self.address = address

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def look(self):
        """What was put there."""
        return self.seen

    def release(self):
        """Nothing was taken."""


@pytest.mark.parametrize(("nodes", "code"), [([GOOD], 0), ([GOOD, BARE], 1)])
def test_the_exit_code_says_whether_every_node_can_take_part(nodes, code, monkeypatch, capsys):
    """For a job that looks before it runs; warnings go to standard error and change nothing."""
    monkeypatch.setattr(Carrier, "seen", sight(*nodes, token=False))
    monkeypatch.setattr(ray_carrier, "RayCarrier", Carrier)
    assert main(["nodes", "--json"]) == code
    captured = capsys.readouterr()
    assert len(json.loads(captured.out)["nodes"]) == len(nodes)
    assert captured.err == f"tressi: warning: {UNGUARDED}\n"


def test_a_plan_has_each_nodes_share(monkeypatch, capsys, tmp_path):
    """Below the plan, and as `nodes` for programs; --processes counts for each node."""
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"requests": [{"url": "http://a.test/"}], "rps": 90, "workers": 9}))
    monkeypatch.setattr(Carrier, "seen", sight(GOOD, replace(GOOD, address="10.0.0.2")))
    monkeypatch.setattr(ray_carrier, "RayCarrier", Carrier)
    assert main(["validate", str(file), "--cluster", "auto", "--processes", "2", "--json"]) == 0
    parts = json.loads(capsys.readouterr().out)["nodes"]
    assert [(part["engines"], part["workers"]) for part in parts] == [(2, 5), (2, 4)]
    assert main(["validate", str(file), "--cluster", "auto"]) == 0
    assert capsys.readouterr().out.splitlines()[-1].split() == ["gen-1", "(10.0.0.2)", "7", "2", "20"]
