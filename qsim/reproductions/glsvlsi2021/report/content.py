"""What the report says, from a run's folder: verdicts, figures, numbers to choose from, digests, origins."""

from __future__ import annotations

import base64
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ....errors import QsimError
from ..claims.verdict import DEPENDS, FAILS, HOLDS
from ..figures import INDEX
from ..figures.saved import Saved, count, where
from ..figures.spirals import region_array
from ..figures.style import DATASETS, NAMES, PATHS, bits_name
from ..run.tasks import ACTIVATIONS, UNROUNDED

VERDICTS = (HOLDS, DEPENDS, FAILS)
Facts = dict[str, Any]


def gather(folder: Path) -> Facts:
    """Everything that the page's template names."""
    saved = Saved(folder)
    claims = paired(_load(folder / "claims.json"))
    return {
        "datasets": [DATASETS[d] for d in saved.datasets],
        "claims": claims,
        "summaries": {
            whose: summary([item for item in claims if item["own"] == own])
            for whose, own in (("paper", False), ("own", True))
        },
        "verdicts": VERDICTS,
        "survival": survival(saved, claims),
        "figures": figures(folder),
        "networks": networks(saved),
        "about": _load(folder / "about.json") if (folder / "about.json").exists() else {},
        "counts": counts(saved),
        "data": {
            "grids": {d: grid(saved, d) for d in saved.datasets},
            "digits": digits(saved),
            "regions": regions(saved),
            "names": {**NAMES, **DATASETS, "mnist and spiral": "both"},
        },
    }


def paired(entries: list[Facts]) -> list[Facts]:
    """One item a claim, with the entry of each path under FGSM, and the one under the strong attack."""
    items: dict[str, Facts] = {}
    for entry in entries:
        item = items.setdefault(
            entry["id"],
            {name: entry[name] for name in ("id", "claim", "dataset")} | {"paths": {}, "strong": None},
        )
        if entry.get("attack", "fgsm") == "strong":
            item["strong"] = entry
        else:
            item["paths"][entry["path"]] = entry
    for item in items.values():
        found = [*item["paths"].values(), *([item["strong"]] if item["strong"] else [])]
        item["own"] = any(entry.get("own", False) for entry in found)
        item["verdict"] = _main(item)["verdict"]
        item["hows"] = list(dict.fromkeys(entry["how"] for entry in found))
    order = {"mnist": 0, "spiral": 1}
    return sorted(items.values(), key=lambda item: order.get(item["dataset"], 2))


def _main(item: Facts) -> Facts:
    """The entry of the integers, else whichever there is."""
    return item["paths"].get("integer") or next(iter(item["paths"].values()), None) or item["strong"]


def summary(claims: list[Facts]) -> Facts:
    """How many claims have each verdict, and on how many both paths agree."""
    found = Counter(item["verdict"] for item in claims)
    both = [item for item in claims if len(item["paths"]) == 2]
    agree = sum(len({entry["verdict"] for entry in item["paths"].values()}) == 1 for item in both)
    return {
        "verdicts": [(verdict, found[verdict]) for verdict in VERDICTS],
        "total": len(claims),
        "both": len(both),
        "agree": agree,
        "claims": claims,
    }


def survival(saved: Saved, claims: list[Facts]) -> Facts | None:
    """What the second attack axis makes of the first one's verdicts; none if the run does not have it."""
    table = saved.table("strong")
    if not count(table):
        return None
    both = [c for c in claims if not c["own"] and c["strong"] and "integer" in c["paths"]]
    changed = [c for c in both if c["strong"]["verdict"] != c["paths"]["integer"]["verdict"]]
    sampled = where(table, dataset="mnist")
    return {
        "total": len(both),
        "changed": changed,
        "kept": [c for c in both if c not in changed],
        "ours": [c for c in claims if c["own"] and c["strong"]],
        "attack": sampled["attack"][0] if count(sampled) else "",
        "images": int(sampled["images"][0]) if count(sampled) else 0,
        "strengths": len(np.unique(sampled["epsilon"])) - 1 if count(sampled) else 0,
        "critical": criticals(saved),
        "audits": audits(saved),
    }


def criticals(saved: Saved) -> list[Facts]:
    """The critical strength of the integers under both attacks, with intervals over seeds."""
    table = where(saved.table("critical"), path="integer", critical=True)
    rows = []
    for dataset in saved.datasets:
        for activation in ("all", *ACTIVATIONS):
            row: Facts = {"dataset": DATASETS[dataset], "activation": NAMES[activation]}
            for attack in ("fgsm", "strong"):
                own = where(table, dataset=dataset, activation=activation, attack=attack)
                row[attack] = (
                    tuple(float(own[n][0]) for n in ("epsilon", "low", "high")) if count(own) else None
                )
            rows.append(row)
    return rows


def audits(saved: Saved) -> list[Facts]:
    """Each audited network: what FGSM and all attacks leave of it, and the flags that were raised."""
    table = saved.table("audits")
    rows = []
    for digest in dict.fromkeys(table["digest"].tolist() if count(table) else ()):
        own = where(table, digest=digest)
        rows.append(
            {
                "dataset": DATASETS[own["dataset"][0]],
                "network": f"{NAMES[own['activation'][0]]}, {bits_name(int(own['bits'][0]))}",
                **{name: float(own[name][0]) for name in ("epsilon", "under_fgsm", "under_strongest")},
                "images": int(own["images"][0]),
                "flags": where(own, flagged=True)["check"].tolist(),
            }
        )
    return rows


def figures(folder: Path) -> list[Facts]:
    """The drawings, those of one figure together: the paper's by number, then the others."""
    items: dict[str, Facts] = {}
    for entry in _load(folder / "figures" / INDEX):
        item = items.setdefault(entry["name"], {"name": entry["name"], "views": []})
        item["views"].append({**entry, "file": folder / "figures" / f"{entry['file']}.svg"})
    for item in items.values():
        if len(item["views"]) == 1:
            item["views"][0]["path"] = None  # there is nothing to choose
    numbered = sorted(name for name in items if name.startswith("figure-"))
    return [items[name] for name in (*numbered, *(name for name in items if name not in numbered))]


def counts(saved: Saved) -> Facts:
    """How much was measured."""
    rows = saved.rows
    base = where(rows, variant="base")
    return {
        "rows": count(rows),
        "networks": len(set(rows["digest"].tolist())),
        "bits": [bits_name(int(q)) for q in np.unique(base["bits"])],
        "seeds": len(np.unique(base["seed"])),
        "strengths": len(np.unique(base["epsilon"])),
        "unrounded": UNROUNDED,
        "largest": float(base["epsilon"].max()),
    }


def grid(saved: Saved, dataset: str) -> Facts:
    """How many test images were right: path, activation, width, seed, strength."""
    cubes = {path: saved.cube(dataset, path, field="correct") for path in PATHS}
    one = cubes["integer"]
    rows = where(saved.rows, dataset=dataset, variant="base")
    order = [one.activations.index(a) for a in ACTIVATIONS]
    steps = dict(zip(rows["epsilon"].tolist(), rows["step"].tolist(), strict=True))
    return {
        "images": int(rows["images"][0]),
        "activations": ACTIVATIONS,
        "bits": one.bits,
        "labels": [bits_name(q) for q in one.bits],
        "epsilons": one.epsilons.tolist(),
        "steps": [int(steps[e]) for e in one.epsilons.tolist()],
        "correct": {path: cube.values[order].astype(int).tolist() for path, cube in cubes.items()},
    }


def digits(saved: Saved) -> Facts | None:
    """Adversarial digits: pixels, directions and what each width says, by crafting network and strength."""
    table = saved.table("examples")
    if not count(table):
        return None
    first = {int(image): i for i, image in reversed(list(enumerate(table["image"])))}
    images = [
        {"image": image, "label": int(table["label"][i]), "pixels": _text(table["pixels"][i])}
        for image, i in sorted(first.items())
    ]
    attacks = {
        f"{table['image'][i]} {table['activation'][i]} {table['bits'][i]}": {
            "signs": _text(packed(np.frombuffer(table["signs"][i], np.int8))),
            "says": ["".join(map(str, row)) for row in table["says"][i]],
        }
        for i in range(count(table))
    }
    return {
        "images": images,
        "attacks": attacks,
        "activations": [a for a in ACTIVATIONS if a in table["activation"]],
        "bits": sorted({int(q) for q in table["bits"]}),
        "labels": {int(q): bits_name(int(q)) for q in {*table["bits"], *table["says_bits"][0]}},
        "says_bits": list(table["says_bits"][0]),
        "epsilons": list(table["epsilons"][0]),
        "steps": list(table["steps"][0]),
    }


def packed(signs: npt.NDArray[np.int8]) -> bytes:
    """Signs in {-1, 0, 1}, four to a byte, the first in the lowest bits, each as sign + 1."""
    quads = np.pad((signs + 1).astype(np.uint8), (0, -len(signs) % 4)).reshape(-1, 4)
    return (quads << np.array([0, 2, 4, 6], np.uint8)).sum(axis=1).astype(np.uint8).tobytes()


def regions(saved: Saved) -> Facts | None:
    """The decision regions of the spirals and the test points, in codes."""
    table = saved.table("regions")
    points = where(saved.table("spirals"), split="test", spiral="short")
    if not count(table) or not count(points):
        return None
    one = {name: float(table[name][0]) for name in ("one", "x0", "y0", "spacing", "width", "height")}
    for i in range(count(table)):
        region_array({name: column[i : i + 1] for name, column in table.items()})  # refuses a short one
    return {
        **one,
        "points": [
            [int(v) for v in row]
            for row in zip(*(points[c] for c in ("x_code", "y_code", "label")), strict=True)
        ],
        "maps": {
            f"{table['activation'][i]} {table['bits'][i]}": _text(table["classes"][i])
            for i in range(count(table))
        },
    }


def networks(saved: Saved) -> list[Facts]:
    """Each network with its digest; from the rows alone where there is no table of networks."""
    table = saved.table("networks")
    if not count(table):
        rows = saved.rows
        _, first = np.unique(rows["digest"], return_index=True)
        table = {
            name: rows[name][np.sort(first)]
            for name in ("dataset", "variant", "activation", "bits", "seed", "digest")
        }
    names = list(table)
    return [
        dict(zip(names, values, strict=True))
        for values in zip(*(table[n].tolist() for n in names), strict=True)
    ]


def number(value: float | None) -> str:
    """Three significant digits, a dash for none."""
    if value is None:
        return "–"
    return f"{value:.3g}".replace("-", "−")


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _load(file: Path) -> Any:
    try:
        return json.loads(file.read_text())
    except FileNotFoundError:
        raise QsimError(f"{file}: no such file") from None
    except ValueError as error:
        raise QsimError(f"{file}: not JSON, or a damaged file ({error})") from None
