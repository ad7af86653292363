"""The certificate of one image: gzipped JSON that the checker reads, the same bytes for the same finding.

Fields: format, version, model (digest), image (its index), codes, label, radius, verdict, rung, nodes;
`proof` (robust: rival -> tree), `witness` (broken: codes) or `bounds` (unknown: rival -> lower bound of its
margin, not proved); checksum. What they mean is told in `checker`.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from pathlib import Path
from typing import Any

import numpy.typing as npt

from ..errors import QsimError
from ..model.container import replacing
from ..model.model import Model
from . import checker
from .ladder import Finding


def certificate_of(
    model: Model, index: int, codes: npt.NDArray[Any], label: int, radius: int, finding: Finding
) -> dict[str, Any]:
    """A finding as JSON-able values, sealed."""
    fields: dict[str, Any] = {
        "format": checker.FORMAT,
        "version": checker.VERSION,
        "model": model.digest,
        "image": index,
        "codes": codes.tolist(),
        "label": label,
        "radius": radius,
        "verdict": finding.verdict,
        "rung": finding.rung,
        "nodes": finding.nodes,
    }
    if finding.verdict == "robust":
        fields["proof"] = finding.proof
    if finding.witness is not None:
        fields["witness"] = finding.witness.tolist()
    if finding.verdict == "unknown":
        fields["bounds"] = finding.bounds
    return {**fields, "checksum": checksum(fields)}


def checksum(certificate: dict[str, Any]) -> str:
    """Of all fields but itself."""
    fields = {name: value for name, value in certificate.items() if name != "checksum"}
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()


def write(path: Path, certificate: dict[str, Any]) -> None:
    """Write a certificate, completely or not at all."""
    with replacing(path) as temporary:
        temporary.write_bytes(packed(certificate))


def packed(certificate: dict[str, Any]) -> bytes:
    """A certificate as it stands in its file."""
    return gzip.compress(json.dumps(certificate, separators=(",", ":")).encode(), mtime=0)


def read(path: Path) -> dict[str, Any]:
    """The certificate of a file; nothing is judged.

    Raises
    ------
    QsimError
        If the file is missing or damaged.
    """
    try:
        return json.loads(gzip.decompress(path.read_bytes()))
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise QsimError(f"{path}: not a certificate, or a damaged one ({error})") from None
