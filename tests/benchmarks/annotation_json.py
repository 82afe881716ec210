"""Exporting the published annotation file, the whole command from import to written table, against `json.load` of it.

    python tests/benchmarks/annotation_json.py

The file is a stand-in of the published one's form and size: synthetic annotations among 190 MB of what is not needed,
which stands before, between and after them. It is the same at every run. Each process is measured whole, in turns.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from itertools import count
from pathlib import Path
from statistics import median

from timing import print_table

ROUNDS = 5

SIZE = 200_417_830
"""Bytes of the published file."""

EXPORT = (sys.executable, "-m", "build_cache", "json", "{file}", "-o", "{output}")
LOAD = (sys.executable, "-c", "import json, sys; json.load(open(sys.argv[1], encoding='utf-8'))", "{file}")

GOAL_SECONDS, GOAL_MEGABYTES = 1.2, 350


def entries(size):
    """Pieces of JSON, in all about so many bytes: what a labeller did with an image, as an object's key and value."""
    random_looking = count(7_919, 104_729)
    while size > 0:
        number = next(random_looking)
        entry = {
            "label": f"n{number % 10**8:08d}",
            "extra_info": {
                "start_time": f"2019-03-29T22:{number % 60:02d}:{number % 59:02d}.956685+00:00",
                "end_time": "2019-04-15T19:44:48.040912+00:00",
                "server_username": "human_a",
                "confidence": number % 10**6 / 7,
            },
            "candidates": [f"n{(number * factor) % 10**8:08d}" for factor in range(1, 13)],
            "problematic": False,
            "note": None,
        }
        piece = f'"ILSVRC2012_val_{number % 50_000 + 1:08d}.JPEG {number}": {json.dumps(entry)}'
        size -= len(piece) + 2
        yield piece


def make(path):
    """Write the stand-in."""
    sys.path.append(str(Path(__file__).parents[1]))
    from annotation_files import annotation_json

    from build_cache import SyntheticSource

    content = annotation_json(SyntheticSource(0).export().frame)
    annotated = content["initial_annots"]
    annotated |= {f"{number:040x}.jpeg": verdicts for number, verdicts in enumerate(annotated.values())}  # ImageNetV2
    needed = {name: json.dumps(part) for name, part in content.items()}
    other = SIZE - sum(map(len, needed.values()))
    with path.open("w", encoding="utf-8") as file:
        for number, (name, part) in enumerate(needed.items()):
            file.write(f'{"," if number else "{"} "annot_data_{number}": {{')
            file.write(", ".join(entries(other * (0.3, 0.4, 0.2)[number])))
            file.write(f'}}, "{name}": {part}')
        file.write(', "wnid_map": {')
        file.write(", ".join(entries(other * 0.1)))
        file.write("}}")


def measured(command):
    """Seconds and peak memory (MB, resident) of one process."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed")
    in_kilobytes = usage.ru_maxrss / 1024 if sys.platform == "darwin" else usage.ru_maxrss
    return seconds, in_kilobytes / 1024


def main():
    with tempfile.TemporaryDirectory() as folder:
        file, output = Path(folder) / "human_accuracy.json", Path(folder) / "annotations.parquet"
        # Made by a process of its own: what this one holds would count as the peak of those that it starts.
        subprocess.run([sys.executable, __file__, str(file)], check=True)
        size = file.stat().st_size
        places = {"file": file, "output": output}
        commands = {
            name: [word.format(**places) for word in command] for name, command in (("ours", EXPORT), ("load", LOAD))
        }
        taken = {name: [] for name in commands}
        for _ in range(ROUNDS):
            for name, command in commands.items():
                taken[name].append(measured(command))
    (seconds, peak), (load_seconds, load_peak) = (map(median, zip(*pairs, strict=True)) for pairs in taken.values())
    fastest = min(each for each, _ in taken["ours"])
    print_table(
        f"annotation file of {size / 1e6:.1f} MB, {ROUNDS} processes each, median (ours at best {fastest:.2f} s)",
        [
            ("json.load, seconds", f"{load_seconds:.2f} s", "1.00 x", ""),
            ("build-cache json, seconds", f"{seconds:.2f} s", f"{seconds / load_seconds:.2f} x", f"{GOAL_SECONDS} s"),
            ("json.load, peak memory", f"{load_peak:,.0f} MB", "1.00 x", ""),
            ("build-cache json, peak memory", f"{peak:,.0f} MB", f"{peak / load_peak:.2f} x", f"{GOAL_MEGABYTES} MB"),
        ],
    )


if __name__ == "__main__":
    if len(sys.argv) > 1:
        make(Path(sys.argv[1]))
    else:
        main()
