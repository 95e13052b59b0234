"""A worker that misbehaves as the job asks: it speaks the protocol with the standard library only.

A job is named after what it does; one with a request names its misbehaviour there, as the checkpoint. Run as a
script, never imported.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path


def send(kind, **data):
    """Write one event."""
    sys.stdout.write(json.dumps({"kind": kind, "data": data}) + "\n")
    sys.stdout.flush()


def beat():
    """Send heartbeats for ever."""
    while True:
        time.sleep(0.1)
        send("heartbeat")


def echo(arguments):
    """Report some progress and give the arguments back."""
    for step in range(3):
        time.sleep(arguments.get("pause_s", 0))
        send("progress", stage="predict", fraction=step / 2, rate=1.5, remaining_s=2.0 - step, message="")
    send("warning", severity="warning", code="same_pair", values={"path": "a.tif"})
    send("result", **arguments)


def garbage(arguments):
    """Print all that is no event between two events."""
    sys.stdout.write('Downloading: 100%\n{"kind": 5}\n{"kind": "result"\n[1]\n\n')
    sys.stdout.flush()
    sys.stdout.buffer.write(b"\xff\xfe\x00\n" + b"x" * 100_000 + b"\n")
    sys.stdout.buffer.flush()
    send("surprise", a=1)
    send("result", done=True)


def die(arguments):
    """End by the signal that is asked for."""
    print(
        "CUDA error: an illegal memory access" if arguments.get("gpu") else "about to die", file=sys.stderr, flush=True
    )
    os.kill(os.getpid(), getattr(signal, arguments["signal"]))
    time.sleep(10)


def leave(arguments):
    """End with an exit status and a last word."""
    print("ValueError: the disk is upside down", file=sys.stderr, flush=True)
    os._exit(arguments["status"])


def fail(arguments):
    """Send a typed error."""
    send("error", code=arguments["code"], values=arguments.get("values", {}))


def stubborn(arguments):
    """Ignore every cancel, with a child of its own, and leave half-made files."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    folder = Path(arguments["request"]["out_dir"])
    (folder / "run.part").mkdir(parents=True)
    for name in ("run.part/change.rows", "confidence.tif", "farmcd.gpkg.part-journal"):
        (folder / name).write_bytes(b"half")
    send("progress", stage="predict", fraction=0.1, rate=None, remaining_s=None, message=str(child.pid))
    time.sleep(60)


def hang(arguments):
    """Give no sign of life any more."""
    os.kill(os.getpid(), signal.SIGSTOP)


def write(arguments):
    """Write a run folder that QGIS can open, and what was asked for."""
    from osgeo import gdal, ogr, osr

    gdal.UseExceptions()
    request = arguments["request"]
    folder = Path(request["out_dir"])
    folder.mkdir(parents=True)
    (folder / "request.json").write_text(json.dumps(request))
    reference = osr.SpatialReference()
    reference.ImportFromEPSG(32614)
    for name in ("change", "confidence", "arbitration"):
        raster = gdal.GetDriverByName("GTiff").Create(str(folder / f"{name}.tif"), 4, 4)
        raster.SetProjection(reference.ExportToWkt())
        raster.SetGeoTransform((600000, 10, 0, 5200000, 0, -10))
        table = gdal.ColorTable()
        table.SetColorEntry(5, (0, 114, 178, 255))
        raster.GetRasterBand(1).SetColorTable(table)
        raster.GetRasterBand(1).SetCategoryNames(["No change", "Bareland", "Building", "Road", "Vegetation", "Water"])
        raster = None
    style = (
        '<qgis styleCategories="Symbology"><pipe><rasterrenderer type="singlebandpseudocolor" band="1" /></pipe></qgis>'
    )
    (folder / "confidence.qml").write_text(style)
    package = ogr.GetDriverByName("GPKG").CreateDataSource(str(folder / "farmcd.gpkg"))
    for name in ("candidates", "hard_regions"):
        package.CreateLayer(name, reference, ogr.wkbPolygon)
    package = None
    send("progress", stage="predict", fraction=0.5, rate=None, remaining_s=None, message="Half of the tiles")
    finding = {"severity": "warning", "code": "shifted", "values": {"pixels": 3.0, "metres": 6.0}}
    send(
        "result",
        run_dir=str(folder),
        device="cpu",
        seconds=1.5,
        candidates=3,
        hard_regions=2,
        area_ha={"water": 1.5},
        findings=[finding],
    )


def findings(arguments):
    """Give one finding of every severity."""
    kinds = ("error", "warning", "info", "info")
    send(
        "result", findings=[{"severity": kind, "code": "said", "values": {"sentence": f"An {kind}."}} for kind in kinds]
    )


def vectorise(arguments):
    """Write down what was asked for."""
    (Path(arguments["run_dir"]) / "arguments.json").write_text(json.dumps(arguments))
    send("result", candidates=5, hard_regions=4, area_ha={})


def evaluate(arguments):
    """Write down what was asked for."""
    folder = Path(arguments["out_dir"])
    folder.mkdir()
    (folder / "arguments.json").write_text(json.dumps(arguments))
    send("result", binary=dict.fromkeys(("f1", "precision", "recall", "iou"), 0.5))


def referee(arguments):
    """Write down what was asked for."""
    (Path(arguments["run_dir"]) / "arguments.json").write_text(json.dumps(arguments))
    send("result", doubtful=3, pseudo_changes=1, withheld=False)


def export_samples(arguments):
    """Write down what was asked for."""
    Path(arguments["out_dir"]).mkdir(exist_ok=True)
    (Path(arguments["out_dir"]) / "arguments.json").write_text(json.dumps(arguments))
    send(
        "result",
        out_dir=arguments["out_dir"],
        samples=7,
        confirmed=4,
        rejected=2,
        reclassified=1,
        pixels=99,
        unlabelled=0,
    )


def convert(arguments):
    """Write what was asked for where the checkpoint would be."""
    Path(arguments["target"]).write_text(json.dumps(arguments))
    send("result", name="converted")


JOBS = {
    job.__name__: job
    for job in (
        echo,
        garbage,
        die,
        leave,
        fail,
        stubborn,
        hang,
        write,
        findings,
        vectorise,
        evaluate,
        referee,
        export_samples,
        convert,
    )
}


def main():
    """Serve until standard input ends; a request names its misbehaviour in `checkpoint`."""
    if "--no-start" in sys.argv:
        sys.exit("ImportError: no module named nonsense")
    send("ready", protocol=99 if "--old" in sys.argv else 1, pid=os.getpid(), versions={})
    threading.Thread(target=beat, daemon=True).start()
    for line in sys.stdin:
        command = json.loads(line)
        if command["name"] == "cancel":
            continue
        arguments = command["arguments"]
        name = Path(arguments.get("request", {}).get("checkpoint", command["name"])).stem
        JOBS[name](arguments)


if __name__ == "__main__":
    main()
