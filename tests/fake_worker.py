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
    send("warning", severity="warning", code="same_file", message="Both dates are the same file.")
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
    send("error", code=arguments["code"], message="The rasters do not overlap.")


def stubborn(arguments):
    """Ignore every cancel, with a child of its own, and leave half-made files."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    folder = Path(arguments["request"]["out_dir"])
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("change.tif.part", "confidence.tif", "farmcd.gpkg.part-journal"):
        (folder / name).write_bytes(b"half")
    send("progress", stage="predict", fraction=0.1, rate=None, remaining_s=None, message=str(child.pid))
    time.sleep(60)


def hang(arguments):
    """Give no sign of life any more."""
    os.kill(os.getpid(), signal.SIGSTOP)


JOBS = {job.__name__: job for job in (echo, garbage, die, leave, fail, stubborn, hang)}


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
        name = arguments.get("request", {}).get("checkpoint", command["name"])
        JOBS[name](arguments)


if __name__ == "__main__":
    main()
