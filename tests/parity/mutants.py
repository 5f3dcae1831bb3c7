"""Copies of the kernel that run as they are written, without a compiler, and in which one rule can be broken."""

from __future__ import annotations

import sys
import tomllib
from importlib.util import module_from_spec, spec_from_loader
from itertools import count
from pathlib import Path
from typing import NamedTuple

import engine_service.kernel
from tests.parity.comparison import Kernel

MODULES = (
    "market",
    "costs",
    "buffers",
    "cents",
    "orders",
    "positions",
    "report",
    "ledger",
    "round_trips",
    "measuring",
    "facts",
    "simulation",
)
"""What is copied, each after those that it imports."""

PACKAGE = "engine_service.kernel"

_numbers = count()


class BrokenRule(NamedTuple):
    """A rule, and a way to break it."""

    what: str
    module: str
    """Which of MODULES."""
    rule: str
    """A piece of its text that occurs once."""
    broken: str
    """What stands there in the copy."""


BROKEN_RULES = [BrokenRule(**table) for table in tomllib.loads(Path(__file__).with_name("broken_rules.toml").read_text("utf-8"))["broken"]]


class NoSuchRule(Exception):
    """The text to break is not in the module, or more than once: the list of rules is out of date."""


def copy_kernel(breaking: BrokenRule | None = None) -> Kernel:
    """Copy the kernel's functions, with one rule broken or with none."""
    package = f"kernel_copy_{next(_numbers)}"
    copied = {name: f"{package}_{name}" for name in MODULES}
    try:
        for name in MODULES:
            path = Path(engine_service.kernel.__path__[0], f"{name}.py")
            text = path.read_text(encoding="utf-8")
            if breaking and name == breaking.module:
                if text.count(breaking.rule) != 1:
                    raise NoSuchRule(f"{name}: {breaking.rule!r} occurs {text.count(breaking.rule)} times")
                text = text.replace(breaking.rule, breaking.broken)
                path = Path(f"{breaking.what}.py")
            _load(name, copied, text, path)
        modules = {name: sys.modules[copied[name]] for name in MODULES}
    finally:
        for name in copied.values():
            sys.modules.pop(name, None)
    return Kernel(
        modules["simulation"].simulate,
        modules["market"].open_market,
        modules["costs"].costs_of,
        modules["buffers"].make_buffers,
        modules["measuring"].measure_run,
    )


def _load(name: str, copied: dict[str, str], text: str, path: Path) -> None:
    # A comment in the place of each decorator: line numbers stay, so coverage of an unbroken module is that of its source.
    for decorator in ("@compiled", "@uncounted", "@inlined"):
        text = text.replace(f"\n{decorator}\n", "\n#\n")
    for other, copy in copied.items():
        text = text.replace(f"from {PACKAGE}.{other} import", f"from {copy} import")
    spec = spec_from_loader(copied[name], loader=None)
    assert spec is not None
    module = module_from_spec(spec)
    sys.modules[copied[name]] = module
    exec(compile(text, str(path), "exec"), vars(module))
