"""The Dockerfile, the action for GitHub and the example for GitLab agree with the project that they are for."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from release.dockerfile import Copy, DockerfileError, Step, copy_of, entry_of, environment_of, last, stages, suite_of
from tressi.cli.commands import load, parser_of
from tressi.report.formats import FORMATS

pytestmark = pytest.mark.pure

ROOT = Path(__file__).parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
ACTION = (ROOT / "action.yml").read_text(encoding="utf-8")
GITHUB, GITLAB = (
    (ROOT / "examples" / "ci" / name).read_text(encoding="utf-8") for name in ("github-workflow.yml", "gitlab-ci.yml")
)
EXTRAS = re.findall(
    r"^(\w+) = \[", (ROOT / "pyproject.toml").read_text(encoding="utf-8").partition("optional-dependencies]")[2], re.MULTILINE
)


def run_arguments(script):
    """The arguments that a script gives to `tressi run`, its variables left as they are."""
    line = next(line for line in script.splitlines() if "/bin/tressi" in line)
    words = line.partition(" run ")[2].partition(" ||")[0].split()
    return [word.strip('"') for word in words if not word.startswith("${flags")]


def test_the_image_runs_tressi_as_a_user_without_rights():
    """Its last user is no root, its last stage has no compiler, and no port is opened."""
    built, image = stages(DOCKERFILE)
    assert last(image, "USER", "root") == "tressi"
    assert entry_of(image) == ["tressi"]
    assert not any("gcc" in step.text for step in image.steps)
    assert any("--only-binary :all:" in step.text for step in image.steps)
    assert "EXPOSE" not in DOCKERFILE
    assert suite_of(built.base) == suite_of(image.base)


def test_what_is_copied_into_the_image_is_there():
    """And .dockerignore lets it through."""
    through = {line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line.startswith("!")}
    copied = [copy_of(step) for stage in stages(DOCKERFILE) for step in stage.steps if step.word == "COPY"]
    names = {name for one in copied if one.stage is None for name in one.sources}
    assert names == through
    assert [name for name in names if not (ROOT / name).exists()] == []
    assert {one.stage for one in copied} - {None} <= {stage.name for stage in stages(DOCKERFILE)}


def test_a_dockerfile_is_read_as_an_engine_would():
    """Comments within joined lines are left out; what is not known is refused."""
    (stage,) = stages("FROM debian:trixie-slim\nRUN a \\\n# why\n    && b\nENV A=1 B='two words'\nCOPY --from=x y z /to/\n")
    assert stage.steps[0] == Step("RUN", "a && b")
    assert environment_of(stage.steps[1]) == {"A": "1", "B": "two words"}
    assert copy_of(stage.steps[2]) == Copy("x", ("y", "z"), "/to/")
    for wrong in ("FROM debian:trixie-slim\nONBUILD RUN x\n", "RUN x\n"):
        with pytest.raises(DockerfileError):
            stages(wrong)
    with pytest.raises(DockerfileError, match="no slim Debian"):
        suite_of("alpine:3")
    with pytest.raises(DockerfileError, match="COPY --chmod"):
        copy_of(Step("COPY", "--chmod=700 a b"))


def test_no_input_of_the_action_is_text_of_a_script():
    """A value such as `"; rm -rf ~; "` stays a value: it comes in as a variable."""
    steps = yaml.safe_load(ACTION)["runs"]["steps"]
    scripts = [step["run"] for step in steps if "run" in step]
    assert len(scripts) > 1
    assert [script for script in scripts if "${{" in script] == []
    for step in steps:
        for name in re.findall(r"\$\{?([A-Z_]+)", step.get("run", "")):
            assert name in step["env"] or name.startswith(("RUNNER_", "GITHUB_")), name


def test_the_action_uses_the_inputs_that_it_has():
    """And says that it is untested, as the example does."""
    action = yaml.safe_load(ACTION)
    assert set(re.findall(r"inputs\.([a-z-]+)", ACTION)) == set(action["inputs"])
    used = yaml.safe_load(GITHUB)["jobs"]["load"]["steps"][-1]["with"]
    assert set(used) <= set(action["inputs"])
    assert all(text.startswith("# Untested:") for text in (ACTION, GITHUB, GITLAB))


@pytest.mark.parametrize("text", [ACTION, GITLAB], ids=["GitHub", "GitLab"])
def test_they_run_tressi_with_flags_that_it_has(text):
    """And take files of the export that it writes, with extras that there are."""
    parsed = parser_of("run", load("run")).parse_args(run_arguments(text))
    assert parsed.config == "$CONFIG"
    for name in re.findall(r"(?:results|RESULTS|\}\})\"?/([a-z]+\.[a-z]+)", text):
        assert name in FORMATS, name
    (extras,) = re.findall(r"\[([a-z,]+)\]", text)
    assert set(extras.split(",")) <= set(EXTRAS)


def test_the_example_flags_of_the_workflow_are_flags_of_a_run():
    """One on each line."""
    flags = yaml.safe_load(GITHUB)["jobs"]["load"]["steps"][-1]["with"]["flags"].split()
    assert parser_of("run", load("run")).parse_args([*flags, "--", "load.json"]).config == "load.json"
