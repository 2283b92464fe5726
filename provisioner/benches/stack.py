"""How long the program takes for the repository's stack, and how many calls it makes, with a delay added to each call.

    cargo build --release -p provisioner
    provisioner/tests/cloud/with-cloud python3 provisioner/benches/stack.py [--runs 5] [--ms 50] [PROGRAM]

Needs CLOUD_URL, which with-cloud sets. Prints a table: the median, least and most seconds of each command as a whole
process, its calls (and how many of them may change something), and the most memory it took.
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
IMAGE = "docker.io/jesuisahmedn/gsm-bot:"


def control(method, what, body=None):
    request = urllib.request.Request(
        f"{os.environ['CLOUD_URL']}/__cloud/{what}",
        method=method,
        data=json.dumps(body).encode() if body is not None else None,
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:
        return json.loads(answer.read() or "null")


def measure(program, *arguments):
    """Seconds, calls, changing calls, and MiB of one run."""
    control("DELETE", "calls")
    command = [program, "-f", str(ROOT / "stack.yaml"), "--poll", "200ms", *arguments]
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    complaint = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - began
    if status:
        raise SystemExit(f"{' '.join(command)} failed:\n{complaint.decode()}")
    calls = control("GET", "calls")
    return seconds, len(calls), sum(call["mutating"] for call in calls), usage.ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", nargs="?", default=str(ROOT / "target/release/provisioner"))
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--ms", type=int, default=50, help="delay added to each call")
    given = parser.parse_args()
    control("PUT", "latency", {"ms": given.ms})
    figures = {}
    for run in range(given.runs):
        with tempfile.TemporaryDirectory() as state:
            for name, arguments in [
                ("create", ["up", "--yes"]),
                ("nothing to do", ["up", "--yes"]),
                ("diff", ["diff"]),
                ("deploy", ["deploy", "--image", f"{IMAGE}{run}"]),
                ("destroy", ["destroy", "--yes", "--unprotect", "database"]),
            ]:
                figures.setdefault(name, []).append(measure(given.program, "--state-dir", state, *arguments))
    print(f"{given.runs} runs, {given.ms} ms added to each call")
    print(f"{'':14} {'median s':>9} {'least':>7} {'most':>7} {'calls':>6} {'changing':>9} {'MiB':>5}")
    for name, runs in figures.items():
        seconds, calls, changing, memory = zip(*runs)
        print(
            f"{name:14} {statistics.median(seconds):9.2f} {min(seconds):7.2f} {max(seconds):7.2f}"
            f" {statistics.median(calls):6.0f} {statistics.median(changing):9.0f} {max(memory):5.0f}"
        )


if __name__ == "__main__":
    main()
