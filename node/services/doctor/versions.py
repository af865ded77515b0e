"""Versions: of the node, of Python, of the libraries that hold the keys and the data."""

from collections.abc import Sequence

from node.probes import NodeState
from node.services.doctor.finding import Finding, Unknown, error, ok, unexamined, warning


def check_versions(
    versions: Sequence[tuple[str, str, str]] | Unknown, state: NodeState | Unknown, version: str
) -> list[Finding]:
    """What is installed against what is asked for, and what runs against what is installed.

    Args:
        versions: (component, installed version, what is asked for if that is not met).
        state: of the node.
        version: of this command's software.
    """
    if isinstance(versions, Unknown):
        return [unexamined(versions)]
    found = [
        error(
            "VERSION_UNMET",
            (
                f"{name} 为 {installed or '未安装'}，要求 {wanted}",
                f"{name} is {installed or 'missing'}, {wanted} is asked for",
            ),
            (
                "按 requirements/runtime.txt 重新安装",
                "install again from requirements/runtime.txt",
            ),
        )
        for name, installed, wanted in versions
        if wanted
    ]  # fmt: skip
    if not isinstance(state, Unknown) and state.is_running and state.version != version:
        found.append(
            warning(
                "OTHER_VERSION_RUNS",
                (
                    f"运行中的节点为 {state.version}，已安装 {version}",
                    f"the node that runs is {state.version}, and {version} is installed",
                ),
                ("重启节点", "start the node again"),
            )
        )
    listed = ", ".join(f"{name} {installed}" for name, installed, _ in versions)
    return found or [ok(f"heqi {version}；{listed}", f"heqi {version}; {listed}")]
