"""The main job: every model on real test data, clean and attacked, checked and timed.

`python -m qsim.bench` is `qsim bench`.
"""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import Progress
from rich.table import Table
from threadpoolctl import threadpool_limits

from ..data import Dataset
from ..errors import QsimError
from ..jit.parallel import threads
from ..model.file import load
from ..model.model import Model
from ..robustness import evaluate
from ..shadow.network import forward, of_model, to_real
from . import terminal
from .datasets import DataSource, data_name
from .results import write_json
from .terminal import Json, Strengths

EPSILONS = (0.01, 0.05, 0.1, 0.2)
SPEC_SAMPLE = 10  # images on which kernel and spec are compared, hidden codes and logits
RTL_SAMPLE = 1000  # images on which kernel and RTL are compared, likewise
REPEATS = 5  # timed runs of each engine, in turns; the median counts


@dataclass(frozen=True)
class Row:
    """What was found out about one model; rates are images a second on `threads` threads."""

    model: str
    digest: str
    data: str
    clean: evaluate.Clean
    attacked: list[evaluate.Attacked]
    matches_spec: bool
    images_per_second: float
    blas_images_per_second: float
    rtl: dict[str, Any] | None = None


def model_files() -> list[Path]:
    """The model files that come with the project."""
    package = Path(__file__).parents[1]
    for folder in (package.parent / "models", package / "models"):
        if found := sorted(folder.glob("*.safetensors"), key=natural):
            return found
    raise QsimError(f"no models found in {package.parent / 'models'}; name a model file")


def natural(file: Path) -> list[str]:
    """Sort key that puts q2 before q10."""
    return [part.zfill(8) for part in re.split(r"(\d+)", file.stem)]


class Stopwatch:
    """Seconds by what they were spent on."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def on(self, name: str) -> Iterator[None]:
        """Whatever happens inside is `name`."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - started


@dataclass(frozen=True)
class Job:
    """A model and its test data."""

    name: str
    model: Model
    dataset: Dataset

    def row(self, epsilons: Sequence[float]) -> Row:
        """What does not depend on time; nothing is timed yet."""
        return Row(
            model=self.name,
            digest=self.model.digest,
            data=self.dataset.name,
            clean=evaluate.clean(self.model, self.dataset),
            attacked=evaluate.attacked(self.model, self.dataset, epsilons),
            matches_spec=evaluate.matches_spec(self.model, self.dataset.codes[:SPEC_SAMPLE]),
            images_per_second=0.0,
            blas_images_per_second=0.0,
        )


def loaded(file: Path, source: DataSource) -> Job | None:
    """A model, its data, and its compiled loops; None where the data is missing."""
    model = load(file)
    dataset = source.get(data_name(model, file))
    if dataset is None:
        return None
    model.predict(dataset.codes[:1])
    return Job(file.stem, model, dataset)


def speed(model: Model, dataset: Dataset) -> tuple[float, float]:
    """Images a second of the integer path and of a float32 BLAS forward pass, measured in turns."""
    network = of_model(model)
    x = to_real(dataset.codes, network.codes_per_unit)

    def seconds(work: Callable[[], Any]) -> float:
        started = time.perf_counter()
        work()
        return time.perf_counter() - started

    engines = (lambda: model.predict(dataset.codes), lambda: forward(network, x).logits.argmax(axis=1))
    for engine in engines:
        engine()
    runs = [[seconds(engine) for engine in engines] for _ in range(REPEATS)]
    ours, blas = (statistics.median(times) for times in zip(*runs, strict=True))
    return len(x) / ours, len(x) / blas


def compare_rtl(jobs: Sequence[Job], done: Callable[[], None]) -> list[dict[str, Any]]:
    """The first images of each model through the simulated hardware; every hidden code and logit compared.

    Models go side by side: compiling one engine leaves the other cores idle.
    """
    try:
        rtl = import_module("qsim_rtl")
    except ModuleNotFoundError as error:
        raise QsimError(f"--rtl needs the package {error.name}: pip install 'qsim[rtl]'") from None

    def compare(job: Job) -> dict[str, Any]:
        found = asdict(rtl.compare(job.model, job.dataset.codes[:RTL_SAMPLE]))
        done()
        return found

    with ThreadPoolExecutor(threads()) as pool:
        return list(pool.map(compare, jobs))


def run(
    files: Sequence[Path], epsilons: Sequence[float], rtl: bool, progress: Progress
) -> tuple[list[Row], list[str], dict[str, float]]:
    """Rows of all models whose test data is to be had, a remark for each data set that is not, and seconds.

    Accuracies of several models are measured side by side, each with BLAS on one thread: its products are
    too small to be shared. Then each model has the machine for itself and is timed.
    """
    source, watch = DataSource(), Stopwatch()
    with watch.on("loading"):
        found = [loaded(file, source) for file in progress.track(files, description="models")]
        jobs = [job for job in found if job is not None]
    with watch.on("accuracy"), threadpool_limits(1), ThreadPoolExecutor(threads()) as pool:
        running = pool.map(lambda job: job.row(epsilons), jobs)
        rows = list(progress.track(running, total=len(jobs), description="integers and attacks"))
    with watch.on("timing"):
        for i, job in enumerate(progress.track(jobs, description="speed")):
            ours, blas = speed(job.model, job.dataset)
            rows[i] = replace(rows[i], images_per_second=ours, blas_images_per_second=blas)
    if rtl:
        task = progress.add_task("hardware", total=len(rows))
        with watch.on("hardware"):
            compared = compare_rtl(jobs, lambda: progress.advance(task))
        rows = [replace(row, rtl=comparison) for row, comparison in zip(rows, compared, strict=True)]
    return rows, [f"{reason}; its models are left out" for reason in source.missing.values()], watch.seconds


def figures(rows: Sequence[Row], remarks: Sequence[str], seconds: Mapping[str, float]) -> dict[str, Any]:
    """The rows as JSON-able values."""
    return {
        "threads": threads(),
        "rows": [asdict(row) for row in rows],
        "remarks": list(remarks),
        "seconds": dict(seconds),
    }


def failures(rows: Sequence[Row]) -> list[str]:
    """The models whose integers were not those of the spec or of the hardware."""
    return [row.model for row in rows if not row.matches_spec or (row.rtl is not None and row.rtl["first"])]


def as_table(rows: Sequence[Row], epsilons: Sequence[float]) -> Table:
    """The rows as a reader wants them."""
    hardware = any(row.rtl for row in rows)
    strengths = [f"ε {e:g}".replace(" 0.", " .") for e in epsilons]
    table = terminal.table("model", "shadow", "int", *strengths, "spec", *["RTL"] * hardware, "M/s", "×BLAS")
    table.caption = (
        "Test accuracy in %: float shadow, integers, integers under FGSM of strength ε. "
        f"spec: = if every hidden code and logit of {SPEC_SAMPLE} images is the specification's. "
        + ("RTL: on how many images it is the simulated hardware's. " if hardware else "")
        + f"M/s: million images a second on {threads()} threads, and × a float32 BLAS forward pass."
    )
    for row in rows:
        rtl = row.rtl and (f"{row.rtl['images']:,}" if not row.rtl["first"] else "≠")
        accuracies = [row.clean.shadow, row.clean.integer, *(a.integer for a in row.attacked)]
        table.add_row(
            row.model,
            *("–" if a is None else f"{100 * a:.1f}" for a in accuracies),
            "=" if row.matches_spec else "≠",
            *[rtl or "–"] * hardware,
            f"{row.images_per_second / 1e6:.2f}",
            f"{row.images_per_second / row.blas_images_per_second:.1f}",
        )
    return table


def command(
    files: Annotated[list[Path] | None, typer.Argument(help="Model files; else all in models/.")] = None,
    epsilon: Strengths = list(EPSILONS),  # noqa: B006
    rtl: Annotated[bool, typer.Option("--rtl", help="Compare with the RTL, in process.")] = False,
    json: Json = None,
) -> None:
    """Run all models: accuracy clean and attacked, equality with spec and RTL, speed."""
    console = terminal.console(json)
    with terminal.progress(console) as progress:
        rows, remarks, seconds = run(files or model_files(), epsilon, rtl, progress)
    terminal.show(console, as_table(rows, epsilon))
    parts = ", ".join(f"{name} {spent:.1f} s" for name, spent in seconds.items())
    console.print(f"Took {sum(seconds.values()):.1f} s: {parts}.", highlight=False)
    for remark in remarks:
        console.print(remark, style="yellow", highlight=False)
    if json:
        write_json(json, "bench", figures(rows, remarks, seconds))
    if wrong := failures(rows):
        raise QsimError(f"not the integers of the spec or of the hardware: {', '.join(wrong)}")
