from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numba
import pytest

from engine_service.kernel import compilation
from engine_service.strategies import decisions

ROOT = Path(__file__).parents[3]


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Nothing that was found out earlier is remembered, nor what is found out here."""
    for name in ("cache_folder", "source_digest", "_sources"):
        monkeypatch.setattr(compilation, name, getattr(compilation, name).__wrapped__)
    return monkeypatch


def engine_copy(folder: Path) -> Path:
    """The sources that are compiled, elsewhere."""
    for path in compilation._sources():
        copy = folder / path.relative_to(compilation.ENGINE)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    return folder


@pytest.mark.parametrize("source", ["kernel/orders.py", "measures.py"])
def test_an_edit_of_any_compiled_source_starts_a_new_cache(fresh: pytest.MonkeyPatch, tmp_path: Path, source: str) -> None:
    before = compilation.source_digest()
    fresh.setattr(compilation, "ENGINE", engine_copy(tmp_path))
    assert compilation.source_digest() == before
    (tmp_path / source).write_text((tmp_path / source).read_text() + "\n")
    assert compilation.source_digest() != before


def test_another_version_of_the_compiler_starts_a_new_cache(fresh: pytest.MonkeyPatch) -> None:
    before = compilation.source_digest()
    fresh.setattr(compilation, "version", lambda name: f"{name} of tomorrow")
    assert compilation.source_digest() != before


def test_the_cache_is_beside_the_sources(fresh: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fresh.setattr(compilation, "ENGINE", engine_copy(tmp_path))
    fresh.setattr(numba.config, "CACHE_DIR", "")
    assert compilation.cache_folder().parent == tmp_path / "__pycache__"


def test_the_cache_is_where_numbas_setting_says(fresh: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fresh.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    assert compilation.cache_folder().parent == tmp_path


def test_a_read_only_installation_keeps_its_cache_in_the_data_directory(fresh: pytest.MonkeyPatch, tmp_path: Path) -> None:
    engine = engine_copy(tmp_path / "engine")
    # A file where the folder would be: even root can't write there.
    (engine / "__pycache__").write_text("")
    fresh.setattr(compilation, "ENGINE", engine)
    fresh.setattr(numba.config, "CACHE_DIR", "")
    fresh.setenv("TAPEDECK_DATA_DIR", str(tmp_path / "data"))
    assert compilation.cache_folder().parent == tmp_path / "data" / "compiled"
    fresh.delenv("TAPEDECK_DATA_DIR")
    fresh.setattr(tempfile, "gettempdir", lambda: str(tmp_path / "temporary"))
    assert compilation.cache_folder().parent == tmp_path / "temporary" / f"tapedeck-{os.getuid()}"


def test_machine_code_in_a_folder_of_somebody_else_is_not_executed(fresh: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fresh.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    user = os.getuid()
    fresh.setattr(os, "getuid", lambda: user + 1)
    folder = compilation.cache_folder()
    assert folder.parent != tmp_path
    assert folder.name.startswith("tapedeck-kernel-")
    folder.rmdir()


@pytest.mark.parametrize("declare", [compilation.compiled, compilation.uncounted, compilation.inlined])
def test_a_file_that_no_hash_covers_is_refused(declare: compilation.Declare) -> None:
    with pytest.raises(RuntimeError, match=r"test_compilation.py holds compiled functions but is not listed"):
        declare(engine_copy)


def test_a_file_that_no_hash_covers_is_refused_for_what_is_called_too() -> None:
    with pytest.raises(RuntimeError, match=r"test_compilation.py holds compiled functions but is not listed"):
        compilation.compiled(decisions._write_latest, calls=(engine_copy,))


GATHER = (
    "from engine_service.kernel.measuring import gather as made; from engine_service.kernel.market import Decisions; import numpy as np;"
    "made(np.ones((1, 1)), Decisions(np.empty(1, int), np.empty(1, int), np.empty(1)));"
)
DECIDE = (
    "from engine_service.strategies import decisions; import numpy as np;"
    "made = decisions._compiled(decisions._write_in_while_above); made(np.ones(9), np.zeros(9), 1.0, np.empty(9));"
)


@pytest.mark.parametrize("use", [GATHER, DECIDE], ids=["a function", "one that calls another which is compiled with it"])
def test_a_second_process_loads_what_the_first_one_compiled(tmp_path: Path, use: str) -> None:
    script = f"{use} print(sum(made.stats.cache_hits.values()), sum(made.stats.cache_misses.values()))"
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": f"{ROOT}:{ROOT / 'protos'}"}
    runs = [
        subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, env=environment).stdout for _ in range(2)
    ]
    assert runs == ["0 1\n", "1 0\n"]
