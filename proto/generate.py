"""Generate the Python code of proto/heqi into proto/gen, or into the folder given as the only argument."""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def generate(target: Path) -> None:
    """Run protoc with the mypy plug-in that sits beside this interpreter."""
    plugin = Path(sys.executable).with_name("protoc-gen-mypy")
    grpc_plugin = Path(sys.executable).with_name("protoc-gen-mypy_grpc")
    sources = sorted(str(path.relative_to(HERE)) for path in HERE.glob("heqi/**/*.proto"))
    target.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        [
            sys.executable,
            "-m",
            "grpc_tools.protoc",
            f"--plugin=protoc-gen-mypy={plugin}",
            f"--plugin=protoc-gen-mypy_grpc={grpc_plugin}",
            f"--proto_path={HERE}",
            f"--python_out={target}",
            f"--grpc_python_out={target}",
            f"--mypy_out={target}",
            f"--mypy_grpc_out={target}",
            *sources,
        ],
        check=True,
        cwd=HERE,
        stderr=subprocess.DEVNULL if target != HERE / "gen" else None,
    )


if __name__ == "__main__":
    generate(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "gen")
