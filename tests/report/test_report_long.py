"""A report of hundreds of pages keeps to the memory of one, and says how far it is."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from pypdf import PdfReader

from scripts.bench.peak import peak_mib
from tests.helpers.report_run import make_run

ROOT = Path(__file__).resolve().parents[2]
CANDIDATES = 300
# In MiB.
GIBIBYTE = 1024


@pytest.mark.long
@pytest.mark.timeout(3000)
def test_three_hundred_candidates(tmp_path, qgis_app):
    run_dir = make_run(tmp_path, [(1 + number % 5, 0.5 + number / 1000) for number in range(CANDIDATES)], 400)
    command = [
        sys.executable,
        "-m",
        "farmcd_qgis.commands.report_cli",
        str(run_dir),
        "--out",
        str(tmp_path / "out"),
        "--json",
    ]
    command += [
        "--out",
        str(tmp_path / "out"),
        "--json",
        "--outputs",
        "pdf",
        "--pages",
        str(CANDIDATES),
        "--statuses",
        "unreviewed",
    ]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        events, peak = [], 0.0
        for line in process.stdout:
            events.append(json.loads(line))
            peak = max(peak, peak_mib(process.pid))
    assert process.returncode == 0
    assert events[-1]["kind"] == "result"
    assert 0 < peak < 1.5 * GIBIBYTE
    shown = [event["data"]["fraction"] for event in events if event["kind"] == "progress"]
    assert len(shown) > 50
    assert shown == sorted(shown)
    pdf = tmp_path / "out" / "report.pdf"
    pages = PdfReader(pdf).pages
    assert len(pages) > CANDIDATES
    assert pdf.stat().st_size < 0.5 * 2**20 * len(pages)
    assert f"Page {len(pages)} of {len(pages)}" in pages[-1].extract_text()
