"""One rule for how pixels become polygons, with the same answer wherever it is asked."""

import pytest

from farmcd_qgis.commands.cli import _parser
from farmcd_qgis.core.errors import InputError
from farmcd_qgis.core.polygons import TAU_RANGE, PolygonSettings
from farmcd_qgis.core.protocol import RunRequest
from farmcd_qgis.engine.polygons.vectorise import vectorise
from farmcd_qgis.engine.scene.preflight import preflight

BAD = [
    ({"tau": 0.0}, "bad_tau"),
    ({"tau": 1.01}, "bad_tau"),
    ({"tau": float("nan")}, "bad_tau"),
    ({"minimum_mapping_unit_m2": -1.0}, "bad_minimum_mapping_unit"),
    ({"minimum_mapping_unit_m2": float("inf")}, "bad_minimum_mapping_unit"),
    ({"connectivity": 5}, "bad_connectivity"),
]
# A tau of 1 among them: every pixel is hard of which the network is not wholly sure.
GOOD = [{"tau": 1.0}, {"tau": TAU_RANGE[0]}, {"minimum_mapping_unit_m2": 0.0}, {"connectivity": 4}]
CODES = {code for _, code in BAD}


def code_of(make) -> str:
    with pytest.raises(InputError) as caught:
        make()
    return caught.value.code


@pytest.mark.parametrize(("values", "code"), BAD)
def test_bad_values_have_the_same_answer_everywhere(values, code, tmp_path):
    assert code_of(lambda: PolygonSettings(**values)) == code
    assert code_of(lambda: vectorise(tmp_path, **values)) == code
    assert code in {finding.code for finding in preflight(RunRequest("a.tif", "b.tif", str(tmp_path), "", **values))}


@pytest.mark.parametrize("values", GOOD)
def test_good_values_are_taken_everywhere(values, tmp_path):
    PolygonSettings(**values)
    assert code_of(lambda: vectorise(tmp_path, **values)) not in CODES
    found = {finding.code for finding in preflight(RunRequest("a.tif", "b.tif", str(tmp_path), "", **values))}
    assert not found & CODES


def test_defaults_are_those_of_the_settings_everywhere():
    usual = PolygonSettings()
    for arguments in (["vectorise", "run"], ["detect", "a.tif", "b.tif", "--out", "run"]):
        given = vars(_parser().parse_args(arguments))
        assert PolygonSettings(given["tau"], given["minimum_mapping_unit_m2"], given["connectivity"]) == usual
    request = RunRequest("a.tif", "b.tif", "run", "")
    assert PolygonSettings(request.tau, request.minimum_mapping_unit_m2, request.connectivity) == usual
