"""A wrong argument is told in the language of the person, argparse's own words included."""

import pytest

from farmcd_qgis.commands.console import Parser


def told(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    parser = Parser(prog="farmcd")
    parser.add_argument("before")
    parser.add_argument("--language", choices=("en", "zh"))
    parser.add_argument("--tile", type=int)
    parser.add_argument("--bands", nargs=2)
    with pytest.raises(SystemExit) as ended:
        parser.parse_args(arguments)
    assert ended.value.code == 2
    return capsys.readouterr().err.strip()


@pytest.mark.parametrize(
    ("arguments", "en", "zh"),
    [
        ([], "the following arguments are required: before", "缺少参数：before"),
        (["b", "--tile", "x"], "argument --tile: invalid int value: 'x'", "参数 --tile：'x' 不是有效的 int 值"),
        (["b", "--tile"], "argument --tile: expected one argument", "参数 --tile：需要一个值"),
        (["b", "--bands", "1"], "argument --bands: expected 2 arguments", "参数 --bands：需要 2 个值"),
        (["b", "--colour"], "unrecognized arguments: --colour", "无法识别的参数：--colour"),
    ],
)
def test_it_is_said_in_both_languages(arguments, en, zh, capsys, monkeypatch):
    monkeypatch.setenv("LC_ALL", "C")
    assert told(arguments, capsys) == f"farmcd: {en}. See farmcd --help."
    assert told(["--language", "zh", *arguments], capsys) == f"farmcd：{zh}。用法见 farmcd --help。"
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    assert told(arguments, capsys) == f"farmcd：{zh}。用法见 farmcd --help。"
    assert told(["--language=en", *arguments], capsys) == f"farmcd: {en}. See farmcd --help."
