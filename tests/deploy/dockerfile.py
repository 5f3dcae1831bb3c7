"""Reads Dockerfiles, and executes what a stage copies and runs, in a folder instead of an image."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Stage:
    """One stage: its base image and its instructions, as pairs of a keyword and the rest of the line."""

    image: str
    instructions: list[tuple[str, str]] = field(default_factory=list)

    def arguments(self, keyword: str) -> list[str]:
        return [rest for word, rest in self.instructions if word == keyword]

    def environment(self) -> dict[str, str]:
        return dict(pair.split("=", 1) for rest in self.arguments("ENV") for pair in rest.split())


def read_stages(service: str) -> list[Stage]:
    """The stages of deploy/SERVICE.Dockerfile, build arguments filled in with their defaults."""
    text = (ROOT / "deploy" / f"{service}.Dockerfile").read_text()
    text = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ")
    defaults: dict[str, str] = {}
    stages: list[Stage] = []
    for line in filter(None, (" ".join(line.split()) for line in text.splitlines())):
        keyword, _, rest = line.partition(" ")
        if keyword == "ARG":
            name, _, default = rest.partition("=")
            defaults[f"${{{name}}}"] = default
        elif keyword == "FROM":
            image = rest.split()[0]
            stages.append(Stage(defaults.get(image, image)))
        else:
            stages[-1].instructions.append((keyword, rest))
    return stages


def copied_paths(stage: Stage) -> list[str]:
    """What the stage takes from the tree."""
    return [source for rest in stage.arguments("COPY") if not rest.startswith("--from") for source in rest.split()[:-1]]


def execute(stage: Stage, source: Path, prefix: Path, tools: Path) -> None:
    """Do in `source` what the stage does in its working directory, with `prefix` for /opt/tapedeck and the programs of `tools`."""
    environment = {"PATH": f"{tools}:{os.environ['PATH']}", "PIP_DISABLE_PIP_VERSION_CHECK": "1"} | {
        name: value for name, value in os.environ.items() if name.startswith("PIP_") or name in {"HOME", "SSL_CERT_FILE"}
    }
    for keyword, rest in stage.instructions:
        if keyword == "COPY":
            *paths, target = rest.split()
            for path in paths:
                copy(ROOT / path, source / target / Path(path).name if target.endswith("/") else source / target)
        elif keyword == "RUN":
            command = rest.replace("/opt/tapedeck", str(prefix))
            subprocess.run(["sh", "-euc", command], check=True, cwd=source, env=environment, stdout=subprocess.DEVNULL)


def copy(path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        shutil.copytree(path, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(path, target)
