"""Images of models at radii into a folder: a certificate a file, gone on with after an interruption.

run.json                        what was asked: data and a digest of their codes, nodes, seconds
MODEL/network.json              the network in plain integers, as the checker reads it
MODEL/radius-R/00000.json.gz    the certificate of an image
MODEL/label-L/…                 both, of a model on tiles: of the ideal network that encloses it for a label
times.jsonl                     processor time an image took; differs from run to run, all other files do not
rows.parquet                    one row an image, from the certificates
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..data import Dataset
from ..errors import QsimError
from ..model.container import replacing
from ..model.model import Model
from . import certificate, checker
from .api import certifier_of, checked, decided
from .branch import Effort
from .network import plain

Report = Callable[[str, int, int], None]  # what is at work, images done, images in all


@dataclass(frozen=True)
class Plan:
    """What is asked: each model at each radius, on the first `images` of a data set."""

    models: dict[str, Model]
    dataset: Dataset
    radii: tuple[int, ...]
    images: int
    effort: Effort

    def settings(self) -> dict[str, Any]:
        """What must be the same when a run goes on."""
        return {"data": self.dataset.name, "nodes": self.effort.nodes, "seconds": self.effort.seconds}


def run(plan: Plan, folder: Path, report: Report) -> list[dict[str, Any]]:
    """Certify what the folder lacks; the rows of all that was asked.

    Raises
    ------
    QsimError
        If the folder holds another run, or an argument is out of range.
    """
    codes, labels = plan.dataset.codes[: plan.images], plan.dataset.labels[: plan.images]
    for model in plan.models.values():
        certifier_of(model)
        for radius in plan.radii:
            checked(model, codes, labels, radius)
    digest = hashlib.sha256(np.ascontiguousarray(plan.dataset.codes, np.int64).tobytes()).hexdigest()
    _agree(folder / "run.json", {**plan.settings(), "codes": digest}, "settings")
    done, total = 0, len(plan.models) * len(plan.radii) * len(codes)
    for name, model in plan.models.items():
        certifier = certifier_of(model)
        for label in sorted(set(labels.tolist())):
            file = home(folder, name, model, label) / "network.json"
            _agree(file, plain(certifier.network(label)), "network")
        for radius in plan.radii:
            images, _ = checked(model, codes, labels, radius)
            paths = [home(folder, name, model, label) / place(radius, i) for i, label in enumerate(labels)]
            left = [row for row, path in enumerate(paths) if not path.exists()]
            done += len(images) - len(left)
            report(f"{name} at {radius}", done, total)
            for row, finding, seconds in decided(certifier, images, labels, radius, plan.effort, left):
                label = int(labels[row])
                network = certifier.network(label)
                made = certificate.certificate_of(network, row, images[row], label, radius, finding)
                certificate.write(paths[row], made)
                _log(folder, {"model": name, "radius": radius, "image": row, "rung": finding.rung}, seconds)
                done += 1
                report(f"{name} at {radius}", done, total)
    return [row for name in plan.models for radius in plan.radii for row in rows(plan, folder, name, radius)]


def home(folder: Path, name: str, model: Model, label: int) -> Path:
    """Where the network is that certificates for a label are about, with these: one a label for tiles."""
    return folder / name / f"label-{label}" if model.mapped else folder / name


def place(radius: int, row: int) -> Path:
    """The certificate of an image, in this folder."""
    return Path(f"radius-{radius}", f"{row:05d}.json.gz")


def rows(plan: Plan, folder: Path, name: str, radius: int) -> Iterator[dict[str, Any]]:
    """What the certificates of a model at a radius say, as rows of a table."""
    model = plan.models[name]
    for row, label in enumerate(plan.dataset.labels[: plan.images].tolist()):
        path = home(folder, name, model, label) / place(radius, row)
        found = certificate.read(path)
        yield {
            "model": name,
            "digest": model.digest,
            "activation": model.layers[0].activation,
            "bits": model.layers[0].bits,
            "data": plan.dataset.name,
            "radius": radius,
            "image": row,
            "label": found["label"],
            "verdict": found["verdict"],
            "rung": found["rung"],
            "nodes": found["nodes"],
            "bound": min(found.get("bounds", {}).values(), default=None),
            "bytes": path.stat().st_size,
        }


def seconds(folder: Path) -> dict[tuple[str, int, int], float]:
    """The seconds of processor time that each (model, radius, image) took."""
    path = folder / "times.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    found = {}
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:  # the empty first line, or one that a killed run left
            continue
        found[entry["model"], entry["radius"], entry["image"]] = float(entry["seconds"])
    return found


def judged(folder: Path) -> Iterator[tuple[Path, str | None]]:
    """Every certificate of a folder and why the checker refuses it, or None if it does not.

    Raises
    ------
    QsimError
        If the folder holds no certificates, or a network is damaged.
    """
    networks = sorted(folder.rglob("network.json"))
    if not networks:
        raise QsimError(f"{folder}: no certificates; a folder that `qsim certify --out` wrote is needed")
    for path in networks:
        try:
            network = checker.Network(json.loads(path.read_text()))
        except Exception as error:  # what is malformed may raise anything
            raise QsimError(f"{path}: not a network, or a damaged one ({error!r})") from None
        for file in sorted(path.parent.rglob("*.json.gz")):
            try:
                checker.check(network, file.read_bytes())
                yield file, None
            except Exception as why:  # what is malformed may raise anything
                yield file, f"{why}" if type(why) is ValueError else f"damaged or malformed: {why!r}"


def _agree(path: Path, content: dict[str, Any], what: str) -> None:
    """Write `content`, or refuse a folder that holds another."""
    if path.exists():
        try:
            same = json.loads(path.read_text()) == content
        except ValueError:
            same = False
        if not same:
            raise QsimError(f"{path} holds other {what}; the same are needed to go on, or another folder")
        return
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(content) + "\n")


def _log(folder: Path, entry: dict[str, Any], seconds: float) -> None:
    with (folder / "times.jsonl").open("a") as file:
        file.write("\n" + json.dumps({**entry, "seconds": round(seconds, 6)}))
