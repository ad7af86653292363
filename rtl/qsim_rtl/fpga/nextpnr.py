"""What the families that nextpnr places have in common: its options, and its report."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .part import Files


def options(files: Files) -> list[str]:
    """Options of every nextpnr: the netlist, a fixed seed, and a report instead of a refusal."""
    report = ["--report", f"{files.stem}.report.json"]
    return ["--json", f"{files.stem}.json", "--seed", "1", "--timing-allow-fail", *report]


def measured(folder: Path, files: Files, cells: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Resources, Fmax in MHz and the critical path with its delays in ns, from the report.

    `cells` names what each kind of resource is called there; the first name's count is what the part has.
    """
    report = json.loads((folder / f"{files.stem}.report.json").read_text())
    facts: dict[str, Any] = {}
    for kind, names in cells.items():
        found = [report["utilization"].get(name, {"used": 0, "available": 0}) for name in names]
        facts[kind] = sum(each["used"] for each in found)
        facts[f"{kind}_available"] = found[0]["available"] if found else 0
    clocks = report["fmax"]
    facts["fmax_mhz"] = round(min(clock["achieved"] for clock in clocks.values()), 2)
    facts["critical_path"] = [
        {"type": step["type"], "ns": round(step["delay"], 2), "to": step["to"]["cell"]}
        for path in report.get("critical_paths", [])
        if path["from"] == path["to"] and path["from"].split()[-1] in " ".join(clocks)
        for step in path["path"]
    ]
    return facts
