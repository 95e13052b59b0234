"""Where compiled code is kept: in the person's cache, or for the process alone, but never where others can write."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ASK = "import os; from farmcd_qgis.networks.prepare import prepare; prepare(); print(os.environ['NUMBA_CACHE_DIR'])"


def asked(**environment: str) -> tuple[Path, str]:
    kept = {key: value for key, value in os.environ.items() if key not in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME", "HOME")}
    command = [sys.executable, "-c", ASK]
    given = {**kept, "PYTHONPATH": str(ROOT), **environment}
    done = subprocess.run(command, env=given, capture_output=True, text=True, check=True)
    return Path(done.stdout.strip()), done.stderr


def test_the_persons_cache(tmp_path):
    folder, said = asked(HOME=str(tmp_path))
    assert folder.is_relative_to(tmp_path / ".cache" / "farmcd" / "numba")
    assert folder.is_dir()
    assert said == ""
    assert asked(HOME=str(tmp_path), XDG_CACHE_HOME=str(tmp_path / "c"))[0].is_relative_to(tmp_path / "c")
    assert asked(HOME=str(tmp_path), NUMBA_CACHE_DIR="/somewhere")[0] == Path("/somewhere")


@pytest.mark.parametrize("home", ["/dev/null", "/proc/nowhere"])
def test_a_home_that_cannot_be_written_to(home):
    folder, said = asked(HOME=home)
    assert folder.name.startswith("farmcd-kernels-")
    assert "compiled anew each time" in said
    # It went with the process.
    assert not folder.exists()
