"""What is done again and again: `nox -l` lists it, `nox -s NAME` does it, in the project's .venv.

Sessions run the tools of .venv, which `sh .ci/setup test` makes, and install nothing; but for those that hold
qsim against another tool, in an environment of their own in .nox.
"""

from __future__ import annotations

from pathlib import Path

import nox

PYTHON = Path(__file__).parent / ".venv/bin/python"

nox.options.default_venv_backend = "none"
nox.options.sessions = ["lint", "test"]


def python(session: nox.Session, *arguments: str, **options: object) -> None:
    if not PYTHON.exists():
        session.error("there is no .venv; run: nox -s setup")
    session.run(str(PYTHON), "-m", *arguments, external=True, **options)  # type: ignore[arg-type]


@nox.session
def setup(session: nox.Session) -> None:
    """Make .venv with everything that tests and documentation need."""
    session.run("sh", ".ci/setup", "test", external=True)


@nox.session
def lint(session: nox.Session) -> None:
    """Formatter, linter and type checks."""
    python(session, "ruff", "format", *session.posargs)
    python(session, "ruff", "check")
    python(session, "mypy")


@nox.session
def test(session: nox.Session) -> None:
    """The everyday tests on two processes; arguments go to pytest: `nox -s test -- tests/spec -x`."""
    python(session, "pytest", "-n", "2", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """The site, warnings as errors, in site/."""
    python(session, "mkdocs", "build", "--strict", env={"NO_MKDOCS_2_WARNING": "1"})
    session.log(f"open {Path('site/index.html').resolve()}")


@nox.session
def bench(session: nox.Session) -> None:
    """Speed beside peers and limits; arguments as of `python -m benches`."""
    python(session, "benches", *session.posargs)


@nox.session(venv_backend="venv")
def hls4ml(session: nox.Session) -> None:
    """What hls4ml computes from exported files, against the models; needs g++."""
    session.install("--editable", ".[hls4ml]", "pytest", "hypothesis")
    session.run("pytest", "tests/importers/test_hls4ml.py", *session.posargs)


@nox.session(venv_backend="venv")
def pytorch(session: nox.Session) -> None:
    """The programs of docs/howto/from-pytorch.md, and their files held against PyTorch."""
    session.install("torch", "onnxscript", "brevitas", "onnxoptimizer")
    session.install("--editable", ".[onnx]", "pytest", "hypothesis")
    session.run(
        "pytest", "tests/importers/test_from_pytorch.py", *session.posargs, env={"OMP_NUM_THREADS": "1"}
    )


@nox.session(venv_backend="venv")
def tensorflow(session: nox.Session) -> None:
    """Networks that TensorFlow converts, held against LiteRT's, XNNPACK's and TFLite Micro's integers."""
    session.install("tensorflow-cpu", "tflite-micro")
    session.install("--editable", ".[onnx,tflite]", "pytest", "hypothesis")
    session.run(
        "pytest", "tests/importers/test_from_tensorflow.py", *session.posargs, env={"OMP_NUM_THREADS": "1"}
    )
