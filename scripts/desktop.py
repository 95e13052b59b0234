"""A real QGIS on a virtual screen, driven from outside: used by the demo and by the desktop tests.

with Desktop(folder, plugins) as desktop:
    desktop.ask("iface.newProject()")
    desktop.click("widget = plugins['farmcd_qgis'].dock.detect.run_button")
    desktop.screenshot("running.png")
"""

import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any

DRIVER = Path(__file__).resolve().parent / "desktop_driver.py"
PROFILE = """\
[PythonPlugins]
farmcd_qgis=true
[qgis]
checkVersion=false
showTips=false
[app]
askToSaveMemoryLayers=false
[locale]
overrideFlag=true
userLocale={locale}
[core]
NewsFeed\\httpsfeedqgisorg\\disabled=true
[plugin_manager]
automatically-check-for-updates=false
[plugins]
farmcd\\reviewer={reviewer}
"""


class DesktopError(Exception):
    """QGIS did not do what it was asked; the message names the log and a screenshot where there is one."""


class Desktop:
    """One QGIS session with a profile of its own in `folder`; `plugins` holds the staged plugin folder.

    Without `engine` FarmCD is told of no Python, as on the computer of somebody who is new to it.
    """

    def __init__(
        self,
        folder: Path,
        plugins: Path,
        size: str = "1600x1000",
        locale: str = "en_US",
        project: Path | None = None,
        engine: bool = True,
        reviewer: str = "Analyst",
    ) -> None:
        self.folder = folder.resolve()
        self.plugins = plugins.resolve()
        self.size = size
        self.locale = locale
        self.project = project
        self.engine = engine
        self.reviewer = reviewer
        self.virtual = bool(shutil.which("Xvfb") and shutil.which("xdotool") and shutil.which("import"))
        self._processes: list[subprocess.Popen[bytes]] = []
        self._asked = 0

    def __enter__(self) -> "Desktop":
        for name in ("runtime", "home", "asked", "profiles"):
            shutil.rmtree(self.folder / name, ignore_errors=True)
            (self.folder / name).mkdir(parents=True, mode=0o700)
        settings = self.folder / "profiles" / "profiles" / "default" / "QGIS" / "QGIS3.ini"
        settings.parent.mkdir(parents=True)
        settings.write_text(PROFILE.format(locale=self.locale, reviewer=self.reviewer))
        try:
            self._start()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None and self.qgis.poll() is None:
                self.quit()
        finally:
            self._end()

    def _start(self) -> None:
        environment = {**os.environ, "HOME": str(self.folder / "home"), "XDG_RUNTIME_DIR": str(self.folder / "runtime")}
        environment |= {"QGIS_PLUGINPATH": str(self.plugins), "FARMCD_DESKTOP": str(self.folder / "asked")}
        if not self.engine:
            environment.pop("FARMCD_PYTHON", None)
            environment["XDG_DATA_HOME"] = str(self.folder / "home" / ".local" / "share")
        elif "FARMCD_PYTHON" not in environment:
            data = Path(os.environ.get("XDG_DATA_HOME", Path.home() / ".local/share"))
            environment["FARMCD_PYTHON"] = (data / "farmcd" / "worker-python").read_text().strip()
        for name in ("WAYLAND_DISPLAY", "QT_QPA_PLATFORM", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"):
            environment.pop(name, None)
        # QGIS takes its Python from the first python3 on the path: that must be the one it was built with.
        qgis = shutil.which("qgis")
        if qgis is None:
            raise DesktopError("There is no qgis on the PATH: run scripts/setup.")
        environment["PATH"] = f"{Path(qgis).parent}{os.pathsep}{environment['PATH']}"
        if self.virtual:
            environment["DISPLAY"] = f":{self._start_screen()}"
            self._environment = environment
            self._spawn(["openbox"], "openbox.log")
        else:
            environment["QT_QPA_PLATFORM"] = "offscreen"
        self._environment = environment
        command = ["qgis", "--nologo", "--noversioncheck", "--profiles-path", str(self.folder / "profiles")]
        command += ["--code", str(DRIVER)] + (["--project", str(self.project)] if self.project else [])
        self.qgis = self._spawn(command, "qgis.log")
        self._wait_for(self.folder / "asked" / "ready", 120)

    def _start_screen(self) -> str:
        reader, writer = os.pipe()
        screen = [
            "Xvfb",
            "-displayfd",
            str(writer),
            "-screen",
            "0",
            f"{self.size}x24",
            "-dpi",
            "96",
            "-nolisten",
            "tcp",
        ]
        log = (self.folder / "xvfb.log").open("wb")
        self._processes.append(subprocess.Popen(screen, pass_fds=[writer], stdout=log, stderr=log))
        os.close(writer)
        with os.fdopen(reader) as numbers:
            return numbers.readline().strip()

    def _spawn(self, command: list[str], log: str) -> "subprocess.Popen[bytes]":
        out = (self.folder / log).open("wb")
        process = subprocess.Popen(command, env=self._environment, stdout=out, stderr=out, cwd=self.folder)
        self._processes.append(process)
        return process

    def _wait_for(self, path: Path, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not path.exists():
            if self.qgis.poll() is not None:
                raise DesktopError(f"QGIS ended with {self.qgis.returncode}; see {self.folder / 'qgis.log'}")
            if time.monotonic() > end:
                self.screenshot("timeout.png")
                raise DesktopError(f"QGIS did not answer in {seconds:.0f} s; see {self.folder / 'timeout.png'}")
            time.sleep(0.05)

    def ask(self, code: str, seconds: float = 60) -> Any:
        """Run Python in QGIS's main thread; returns what the code put into `result` (JSON values only)."""
        self._asked += 1
        question = self.folder / "asked" / f"{self._asked:05}.py"
        question.with_suffix(".tmp").write_text(code)
        question.with_suffix(".tmp").rename(question)
        answer = question.with_suffix(".json")
        self._wait_for(answer, seconds)
        said = json.loads(answer.read_text())
        if said["error"]:
            raise DesktopError(f"{code}\n{said['error']}")
        return said["result"]

    def wait_until(self, condition: str, seconds: float = 60, every: float = 0.2) -> None:
        """Ask until the expression is true in QGIS; raises DesktopError after `seconds`."""
        end = time.monotonic() + seconds
        while not self.ask(f"result = bool({condition})"):
            if time.monotonic() > end:
                self.screenshot("timeout.png")
                raise DesktopError(f"Never came true: {condition}; see {self.folder / 'timeout.png'}")
            time.sleep(every)

    def click(self, widget: str) -> None:
        """Click the middle of a widget, named by code that puts it into `widget`: a real click where a screen is."""
        middle = self.ask(
            f"{widget}\nmiddle = widget.mapToGlobal(widget.rect().center())\nratio = widget.devicePixelRatioF()\n"
            "result = [round(middle.x() * ratio), round(middle.y() * ratio)]"
        )
        if self.virtual:
            self._tool("xdotool", "mousemove", *map(str, middle), "click", "1")
        else:
            self.ask(
                f"{widget}\nfrom qgis.PyQt.QtTest import QTest\nQTest.mouseClick(widget, Qt.MouseButton.LeftButton)"
            )

    def key(self, *names: str) -> None:
        """Press keys, by xdotool's names ("space", "ctrl+z"); needs the virtual screen."""
        self._tool("xdotool", "key", *names)

    def type(self, text: str) -> None:
        """Type a text and press Return; needs the virtual screen."""
        self._tool("xdotool", "type", "--delay", "20", text)
        self.key("Return")

    def screenshot(self, name: str) -> Path:
        """Take a picture of the whole screen into `folder`/`name`."""
        target = self.folder / name
        if self.virtual:
            self._tool("import", "-window", "root", str(target))
        else:
            self.ask(f"iface.mainWindow().grab().save({str(target)!r})")
        return target

    def _tool(self, *command: str) -> None:
        subprocess.run(command, env=self._environment, check=True)

    def quit(self) -> None:
        """Leave QGIS as a user would; raises DesktopError if it does not end or ends badly."""
        self.ask("QgsProject.instance().setDirty(False)\nQTimer.singleShot(0, iface.actionExit().trigger)")
        try:
            status = self.qgis.wait(30)
        except subprocess.TimeoutExpired:
            raise DesktopError(f"QGIS did not quit; see {self.screenshot('no_exit.png')}") from None
        if status:
            raise DesktopError(f"QGIS ended with {status}; see {self.folder / 'qgis.log'}")

    def _end(self) -> None:
        for process in reversed(self._processes):
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(5)
                except subprocess.TimeoutExpired:
                    process.kill()
        self._processes.clear()
