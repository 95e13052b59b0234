"""Every code has its sentence in both languages, every sentence its values, and none is left over."""

import json
import logging
from pathlib import Path

import pytest

from farmcd_qgis.core.errors import Cancelled, FarmCDError, InputError, error_from_dict
from farmcd_qgis.core.messages import LANGUAGES, catalogue, fill, part, plain, render, tell, why
from farmcd_qgis.core.protocol import Finding, error_of, finding_from_dict, finding_of
from tests.helpers.sentences import places, said, stages

# Said by the core itself, or in the name of something older.
OF_THE_CORE = {"said", "it_lacks", "few_dimensions", "cancelled", "bad_request"}


def test_every_code_has_a_sentence_and_no_sentence_is_left_over():
    codes = {one.code for one in said()}
    assert {one.where for one in said() if one.code is None} == set(), "codes that are not written out"
    assert codes - catalogue().keys() == set()
    stages = {code for code in catalogue() if code.startswith("stage_")}
    assert catalogue().keys() - codes - OF_THE_CORE - stages == set()


def test_every_stage_of_a_job_has_its_words():
    named = stages()
    assert {f"stage_{name}" for name in named} - catalogue().keys() == set()
    assert {code for code in catalogue() if code.startswith("stage_")} == {
        f"stage_{name}" for name in {*named, "working"}
    }


def test_sentences_ask_for_the_values_that_are_given():
    known = [one for one in said() if one.names is not None and one.code in catalogue()]
    assert len(known) > 200
    wrong = [
        (one.where, one.code, language, sorted(one.names ^ places(template)))
        for one in known
        for language, template in catalogue()[one.code].items()
        if one.names != places(template)
    ]
    assert wrong == []


@pytest.mark.parametrize("code", sorted(catalogue()))
def test_both_languages_say_the_same(code):
    templates = catalogue()[code]
    assert tuple(templates) == LANGUAGES
    assert all(template.strip() for template in templates.values())
    assert places(templates["en"]) == places(templates["zh"])


def test_values_are_written_in_place():
    templates = {"en": "{n} {n:place|places} of {names!r}, {share:.0%}{role:a=!|b=?}", "zh": "{names}{n}"}
    values = {"n": 1, "names": ["x", "y"], "share": 0.25, "role": "b"}
    assert fill(templates, values, "en") == "1 place of 'x', 'y', 25%?"
    assert fill(templates, {**values, "n": 2}, "en_GB") == "2 places of 'x', 'y', 25%?"
    assert fill(templates, values, "zh_CN") == "x、y1"
    assert fill({"en": "{names} {what:.1f}", "zh": ""}, {"names": [], "what": "nan"}, "en") == "none nan"
    assert fill({"en": "{faults: }", "zh": "{faults: }"}, {"faults": ["A.", "B."]}, "en") == "A. B."


def test_a_sentence_within_a_sentence_is_said_in_the_same_language():
    fault = InputError(
        "named_python", fault=InputError("python_silent", path="/p", seconds=9.0), origin=part("plugin_setting")
    )
    assert fault.message == "/p did not answer within 9 seconds. It is named by the setting of the plugin."
    assert fault.text("zh_CN") == "/p 在 9 秒内没有响应。它由插件设置指定。"


def test_what_crosses_between_processes_says_the_same():
    fault = FarmCDError("worker_ended", reason=part("exit_status", status=3), log=Path("/log"))
    travelled = json.loads(json.dumps(fault.sentence, allow_nan=False))
    assert error_from_dict(travelled).text("zh") == fault.text("zh")
    assert isinstance(error_from_dict(Cancelled("stopped_resumable", folder="/run").sentence), Cancelled)


def test_findings_and_faults_become_each_other():
    fault = InputError("no_crs", role="before", path="/a b.tif")
    finding = finding_of(fault)
    assert finding.severity == "error"
    assert finding.message == fault.message == error_of(finding).message
    assert finding.text("zh").startswith("前时相栅格 /a b.tif 没有坐标系")


def test_old_findings_are_said_as_they_were_and_strange_ones_by_their_code():
    old = {"severity": "info", "code": "stretched", "message": "The {before} raster is UInt16."}
    assert finding_from_dict(old) == Finding("info", "said", {"sentence": "The {before} raster is UInt16."})
    assert finding_from_dict(old).text("zh") == "The {before} raster is UInt16."
    assert (
        finding_from_dict({"severity": "info", "code": "of_tomorrow", "values": {"n": 1}}).text()
        == "of_tomorrow: {'n': 1}"
    )


def test_values_become_plain_data():
    values = {"path": Path("/x"), "kinds": {2}, "loss": float("nan"), "fault": InputError("no_pixels")}
    assert plain(values) == {"path": "/x", "kinds": [2], "loss": "nan", "fault": {"code": "no_pixels", "values": {}}}


def test_logged_sentences_keep_their_values(caplog):
    tell(logging.getLogger("farmcd_qgis.test"), "smaller_batch", device="cuda:0", batch=4)
    assert caplog.messages == ["The memory of cuda:0 is too small; going on with 4 tiles at a time."]
    assert caplog.records[0].sentence == part("smaller_batch", device="cuda:0", batch=4)


def test_why():
    assert render("checkpoint_unreadable", {"path": "x", "reason": why(KeyError("a"))}).startswith(
        "x is no checkpoint or is damaged: it lacks 'a'."
    )
    assert why(ValueError("one.\ntwo")) == "one"
    assert why(MemoryError()) == "MemoryError"
