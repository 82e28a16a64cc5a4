"""Values with a unit, or as text: the message says what to write."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tressi.cli import main
from tressi.config.load import load_config
from tressi.config.units import number_meant
from tressi.errors import ConfigError

pytestmark = pytest.mark.pure

MEANT = [
    ("duration", "30s", '"30s" is not an integer; times are seconds: write 30'),
    ("duration", "30 sec", '"30 sec" is not an integer; times are seconds: write 30'),
    ("duration", "5m", '"5m" is not an integer; times are seconds: write 300'),
    ("duration", "1m30s", '"1m30s" is not an integer; times are seconds: write 90'),
    ("duration", "2 Hours", '"2 Hours" is not an integer; times are seconds: write 7200'),
    ("duration", "500ms", '"500ms" is not an integer; times are whole seconds here'),
    ("duration", "30", '"30" is not an integer; write 30'),
    ("duration", "soon", '"soon" is not an integer'),
    ("duration", "", '"" is not an integer'),
    ("timeout", "500ms", '"500ms" is not a number; times are seconds: write 0.5'),
    ("timeout", "2.5", '"2.5" is not a number; write 2.5'),
    ("gracefulStop", "1 minute", '"1 minute" is not a number; times are seconds: write 60'),
    ("rampUpTime", "10s", '"10s" is not an integer; times are seconds: write 10'),
    ("rps", "100/s", '"100/s" is not an integer; write 100'),
    ("rps", "100 rps", '"100 rps" is not an integer; write 100'),
    ("rps", "6000/min", '"6000/min" is not an integer; write 100'),
    ("rps", "1k", '"1k" is not an integer; write 1000'),
    ("rps", "1,000", '"1,000" is not an integer; write 1000'),
    ("rps", "1 per minute", '"1 per minute" is not an integer'),
    ("connectionsPerSecond", "30 per minute", '"30 per minute" is not a number; write 0.5'),
    ("workers", "10", '"10" is not an integer; write 10'),
    ("errorRateThreshold", "5%", '"5%" is not a number; write 0.05'),
    ("keepAlive", "False", '"False" is not a boolean; write false'),
    ("earlyExitOnError", "yes", '"yes" is not a boolean; write true'),
    ("export", 5, "5 is not a string"),
]


def test_a_text_that_stands_for_a_number_is_answered_with_the_number():
    """Times in seconds, rates per second, shares of 1; what is unclear gets no advice."""
    for name, value, message in MEANT:
        with pytest.raises(ConfigError) as refused:
            load_config({"requests": [{"url": "http://h/"}], name: value})
        assert str(refused.value) == f"{name}: {message}"


def test_it_is_so_in_the_sections_too():
    """A section may be a boolean or an object, and a status or a list."""
    for more, line in [
        ({"autoscale": "true"}, 'requests[0].autoscale: "true" is not an object'),
        (
            {"autoscale": {"enabled": "true", "targetRps": 5}},
            'requests[0].autoscale.enabled: "true" is not a boolean; write true',
        ),
        (
            {"autoscale": {"enabled": True, "targetRps": 5, "cooldownPeriod": "2s"}},
            'requests[0].autoscale.cooldownPeriod: "2s" is not an integer; times are seconds: write 2',
        ),
    ]:
        with pytest.raises(ConfigError) as refused:
            load_config({"requests": [{"url": "http://h/", **more}]})
        assert str(refused.value) == line


@settings(deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(["s", " s", "sec", " seconds"]))
def test_any_count_of_seconds_is_understood(count, unit):
    """Whatever its unit is called."""
    assert number_meant("duration", f"{count}{unit}") == count


@settings(deadline=None)
@given(st.text(max_size=12))
def test_any_text_is_a_number_or_is_none(text):
    """No text ends in an exception."""
    for name in ("duration", "rps", "workers"):
        number_meant(name, text)


def test_the_flags_answer_the_same(capsys):
    """`--duration 30s` gets the advice that the config gets."""
    for flags, message in [
        (["--duration", "30s"], "'30s' is not an integer; times are seconds: write 30"),
        (["--timeout", "500ms"], "'500ms' is not a number; times are seconds: write 0.5"),
        (["--graceful-stop", "1m"], "'1m' is not a number; times are seconds: write 60"),
        (["--rps", "1k"], "'1k' is not an integer; write 1000"),
        (["--rps", "fast"], "'fast' is not an integer"),
    ]:
        assert main(["validate", "c.json", *flags]) == 2
        assert message in capsys.readouterr().err
