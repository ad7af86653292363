"""Every planted fault still finds its place, also those whose own tests are too slow for every day."""

import importlib
import sys
from pathlib import Path

import pytest
from planting import ROOT, Fault, located

from qsim_rtl.proofs.fault import planted

HOLDERS = sorted(
    file
    for file in Path(__file__).parent.rglob("test_*.py")
    if "FAULTS = [" in file.read_text() and file != Path(__file__)
)


@pytest.mark.parametrize("holder", HOLDERS, ids=lambda file: file.stem)
def test_every_fault_changes_one_definition(holder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(holder.parent), *sys.path])
    faults = importlib.import_module(holder.stem).FAULTS
    assert faults
    for fault in (fault for fault in faults if isinstance(fault, Fault)):
        file, symbol = located(fault.symbol, ROOT)
        source = file.read_text()
        assert planted(source, symbol, fault.text, fault.broken) != source, fault.name
